// Makes bodies of Jinja2 templates, by the program that the pdf plugin has for it, so that mails and
// documents know the same filters. The process is started when it is needed first, and kept.
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
  /// Starts the program once, to see that it works. Throws Trouble.
  explicit TemplateRenderer(const TemplateConfig& config);
  ~TemplateRenderer();
  TemplateRenderer(const TemplateRenderer&) = delete;
  TemplateRenderer& operator=(const TemplateRenderer&) = delete;

  /// What the template that the payload names makes of the payload's data. Many threads may call it; they
  /// take turns. Throws PermanentError with the program's words when the template or the data is wrong, and
  /// Trouble
  /// ("template-renderer") when the program ends, or takes longer than 30 s.
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
