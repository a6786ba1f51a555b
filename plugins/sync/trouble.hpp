// The exceptions that end an attempt, besides sluice::PermanentError.
#pragma once

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace data_sync {

/// A failure that may be temporary, or that the operator can fix: the attempt ends with a retry.
class Trouble : public std::runtime_error {
 public:
  Trouble(std::string code, const std::string& message,
          std::optional<std::chrono::seconds> delay = std::nullopt)
      : std::runtime_error(message), code_(std::move(code)), delay_(delay) {}
  const std::string& code() const noexcept { return code_; }
  /// How long to wait before the retry, as requested by the server.
  std::optional<std::chrono::seconds> delay() const noexcept { return delay_; }

 private:
  std::string code_;
  std::optional<std::chrono::seconds> delay_;
};

/// The job was cancelled, and nothing was committed.
class Cancelled : public std::runtime_error {
 public:
  Cancelled() : std::runtime_error("cancelled") {}
};

}  // namespace data_sync
