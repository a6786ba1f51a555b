// Renders Jinja2 templates with the pdf plugin's program, so that mails and documents have the same filters.
// The process is kept running, and restarted if it has ended.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <mutex>
#include <sluice/job.hpp>
#include <string>
#include <string_view>

#include "config.hpp"
#include "descriptor.hpp"
#include "message.hpp"

namespace email {

class TemplateRenderer {
 public:
  /// Starts the program and sends it one request. Throws Trouble if it does not answer.
  explicit TemplateRenderer(const TemplateConfig& config);
  ~TemplateRenderer();
  TemplateRenderer(const TemplateRenderer&) = delete;
  TemplateRenderer& operator=(const TemplateRenderer&) = delete;

  /// Renders the template that the payload names with the payload's data. Thread-safe; calls run one after
  /// the other. Throws PermanentError with the program's message if the template or the data is invalid, and
  /// Trouble("template-renderer") if the program ends, or takes longer than 30 s.
  Rendered render(const sluice::Job& job);

 private:
  void start();
  void stop();
  std::string ask(std::string_view request, const sluice::Job* job);
  [[noreturn]] void fail(const std::string& why);

  const TemplateConfig config_;
  std::mutex mutex_;  // protects all below
  pid_t pid_ = -1;
  Descriptor socket_{-1};
};

}  // namespace email
