// One slot's renderer: a process of renderer/renderer.py, kept between jobs and replaced if it fails. Not
// thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "child.hpp"

namespace pdf {

struct RendererSettings {
  std::string python;
  std::string script;
  std::string templates;
  std::int64_t memory_mb;
  std::chrono::seconds time_limit;  // of one document
  std::string language;             // of documents that set none, like time_zone
  std::string time_zone;
  std::string missing_glyphs;  // "warn" or "fail"
};

enum class Ended { replied, cancelled, over_time, died };

struct Rendering {
  Ended ended;
  std::string reply;     // JSON, if `ended` is replied
  std::string document;  // the PDF; empty if the reply has an error
  std::string death;     // how it died, and the end of its output
};

class Renderer {
 public:
  explicit Renderer(const RendererSettings& settings) : settings_(settings) {}

  /// Starts the process and waits until it is ready. Throws std::runtime_error with the end of its output if
  /// it does not start.
  void start();

  /// Renders the payload, in a new process if none is running. The document contains `mark`. `cancelled` is
  /// called repeatedly. A process that does not reply is killed.
  Rendering render(std::string_view payload, std::string_view mark, const std::function<bool()>& cancelled);

  /// Ends the process; the next document gets a new one.
  void stop() { child_.reset(); }

 private:
  using Time = std::chrono::steady_clock::time_point;

  Rendering launch(const std::function<bool()>& cancelled);
  Rendering exchange(std::string_view request, Time deadline, const std::function<bool()>& cancelled);
  Rendering buried();

  const RendererSettings& settings_;
  std::unique_ptr<Child> child_;
  int documents_ = 0;
};

}  // namespace pdf
