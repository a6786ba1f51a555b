// What a handler returns, and the exceptions that code deeper down may throw instead. Plain values; any
// thread may make them.
#pragma once

#include <sluice/plugin.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace sluice {

/// How one attempt ended. Create it with done(), retry(), fail(), snooze() and cancelled().
class [[nodiscard]] Result {
 public:
  explicit Result(std::int32_t kind, std::string code = {}, std::string message = {})
      : kind_(kind), code_(std::move(code)), message_(std::move(message)) {}

  /// Sets the delay before a retry, instead of the type's backoff, or before a snoozed job's next run. It has
  /// no effect on other results. Negative counts as 0.
  Result& after(std::chrono::microseconds delay) & {
    delay_ = delay;
    return *this;
  }
  Result after(std::chrono::microseconds delay) && {
    delay_ = delay;
    return std::move(*this);
  }

  /// SLUICE_DONE, SLUICE_RETRY, ...
  std::int32_t kind() const { return kind_; }
  const std::string& code() const { return code_; }
  const std::string& message() const { return message_; }
  std::optional<std::chrono::microseconds> delay() const { return delay_; }

 private:
  std::int32_t kind_;
  std::string code_;
  std::string message_;
  std::optional<std::chrono::microseconds> delay_;
};

/// The job's work is done.
inline Result done() {
  return Result(SLUICE_DONE);
}

/// The job failed and may succeed later. It is tried again, with the type's backoff or after(), until its
/// attempts are used up. `message` is a sentence for people, `code` a short stable name of your own
/// ("smtp-421").
inline Result retry(std::string message) {
  return Result(SLUICE_RETRY, {}, std::move(message));
}
inline Result retry(std::string code, std::string message) {
  return Result(SLUICE_RETRY, std::move(code), std::move(message));
}

/// The job failed and would fail again. It is not retried unless a person requests it.
inline Result fail(std::string message) {
  return Result(SLUICE_FAIL, {}, std::move(message));
}
inline Result fail(std::string code, std::string message) {
  return Result(SLUICE_FAIL, std::move(code), std::move(message));
}

/// It is too early for the job. It runs again after `delay`. This attempt is not counted.
inline Result snooze(std::chrono::microseconds delay) {
  return Result(SLUICE_SNOOZE).after(delay);
}

/// The job stopped because Job::is_cancelled() returned true.
inline Result cancelled() {
  return Result(SLUICE_CANCELLED);
}

/// Throwing it from a handler is the same as returning fail().
class PermanentError : public std::runtime_error {
 public:
  explicit PermanentError(const std::string& message) : std::runtime_error(message) {}
  PermanentError(std::string code, const std::string& message)
      : std::runtime_error(message), code_(std::move(code)) {}
  const std::string& code() const noexcept { return code_; }

 private:
  std::string code_;
};

/// Throwing it from a handler is the same as returning retry(message).after(delay).
class RetryLater : public std::runtime_error {
 public:
  RetryLater(const std::string& message, std::chrono::microseconds delay)
      : std::runtime_error(message), delay_(delay) {}
  RetryLater(std::string code, const std::string& message, std::chrono::microseconds delay)
      : std::runtime_error(message), code_(std::move(code)), delay_(delay) {}
  const std::string& code() const noexcept { return code_; }
  std::chrono::microseconds delay() const noexcept { return delay_; }

 private:
  std::string code_;
  std::chrono::microseconds delay_;
};

}  // namespace sluice
