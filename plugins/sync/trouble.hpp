// How an attempt ends from deep down, apart from sluice::PermanentError.
#pragma once

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace data_sync {

/// What may pass by itself, or can be mended by the operator: the attempt ends with a retry.
class Trouble : public std::runtime_error {
 public:
  Trouble(std::string code, const std::string& message,
          std::optional<std::chrono::seconds> delay = std::nullopt)
      : std::runtime_error(message), code_(std::move(code)), delay_(delay) {}
  const std::string& code() const noexcept { return code_; }
  /// How long the other side asked us to wait.
  std::optional<std::chrono::seconds> delay() const noexcept { return delay_; }

 private:
  std::string code_;
  std::optional<std::chrono::seconds> delay_;
};

/// The job was cancelled, and nothing of it has been done for good.
class Cancelled : public std::runtime_error {
 public:
  Cancelled() : std::runtime_error("cancelled") {}
};

}  // namespace data_sync
