// One attempt at a job, as its handler sees it. The Job, and every view and reference that it returns, is
// valid until the handler returns. payload() and output() are for the handler's thread. The other functions
// may be called from any thread that the handler starts and joins.
#pragma once

#include <sluice/extensions.h>
#include <sluice/plugin.h>
#include <sluice/log.hpp>
#include <sluice/result.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#ifndef SLUICE_WITHOUT_RAPIDJSON
#include <sluice/payload.hpp>
#endif

namespace sluice {

namespace detail {

/// `extension` as a T, unless the host's is shorter than `at_least` bytes.
template <class T>
const T* extension_as(const void* extension, std::size_t at_least) {
  const auto* typed = static_cast<const T*>(extension);
  return typed == nullptr || typed->size < at_least ? nullptr : typed;
}

inline std::optional<std::string_view> secret_in(const sluice_secrets* secrets, std::string_view name) {
  sluice_str value{nullptr, 0};
  if (secrets == nullptr || secrets->get(secrets, str(name), &value) != 0) return std::nullopt;
  return view(value);
}

}  // namespace detail

/// A job that a handler enqueues.
struct NewJob {
  std::string_view type;     ///< 1 to 128 characters
  std::string_view payload;  ///< JSON text
  std::chrono::microseconds delay{0};
  std::string_view unique_key{};  ///< while a job with this key exists, no other is enqueued; empty: no key
};

/// A parameter of an SQL statement: text, a number, a bool, or nullptr for NULL. It only views its text.
class Parameter {
 public:
  Parameter(std::nullptr_t) : null_(true) {}
  Parameter(std::string_view text) : text_{text.data(), text.size()} {}
  Parameter(const std::string& text) : Parameter(std::string_view(text)) {}
  Parameter(const char* text) : Parameter(std::string_view(text)) {}
  template <class Number, std::enable_if_t<std::is_arithmetic_v<Number>, int> = 0>
  Parameter(Number number) : own_(text_of(number)) {}

  bool null() const { return null_; }
  sluice_str raw() const { return own_.empty() ? text_ : detail::str(own_); }

 private:
  template <class Number>
  static std::string text_of(Number number) {
    if constexpr (std::is_same_v<Number, bool>) {
      return number ? "true" : "false";
    } else if constexpr (std::is_integral_v<Number>) {
      return std::to_string(number);
    } else {
      char text[32];
      std::snprintf(text, sizeof text, "%.17g", static_cast<double>(number));
      return text;
    }
  }

  sluice_str text_{nullptr, 0};
  std::string own_;
  bool null_ = false;
};

class Job {
 public:
  using Time = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

  explicit Job(const sluice_job& raw) : raw_(raw) {}
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  /// The row's id as the application chose it: any characters.
  std::string_view id() const { return detail::view(raw_.id); }
  std::string_view type() const { return detail::view(raw_.type); }
  /// The same in every attempt of this job, and different for every other job. Pass it to services that drop
  /// repeated requests.
  std::string_view idempotency_key() const { return detail::view(raw_.idempotency_key); }
  /// 1 for the first.
  std::uint32_t attempt() const { return raw_.attempt; }
  std::uint32_t max_attempts() const { return raw_.max_attempts; }
  /// True if a retry() would end the job.
  bool last_attempt() const { return raw_.attempt >= raw_.max_attempts; }
  /// The producer's clock, for display only.
  Time created_at() const { return Time(std::chrono::microseconds(raw_.created_at_us)); }
  /// When the job is cancelled, then killed; nullopt if it has no limit.
  std::optional<Time> deadline() const {
    if (raw_.deadline_us == 0) return std::nullopt;
    return Time(std::chrono::microseconds(raw_.deadline_us));
  }
  /// Which slot of this process runs it, from 0.
  std::uint32_t slot() const { return raw_.slot; }

  /// The payload's JSON text.
  std::string_view payload_text() const { return detail::view(raw_.payload); }
#ifndef SLUICE_WITHOUT_RAPIDJSON
  /// The payload, parsed in the first call. Throws PermanentError if it is not valid JSON.
  Json payload() {
    if (!payload_) payload_.emplace(detail::parse_json(payload_text(), "payload"));
    return {*payload_, "payload", {}, payload_text()};
  }
  /// The job's output, kept with the job when it is done; the last call counts. Throws PermanentError for a
  /// NaN or an infinity.
  void output(const rapidjson::Value& value) {
    output(detail::JsonWriter().write(value));
  }
#endif
  /// The same, with one JSON value as text. Invalid JSON makes the job fail.
  void output(std::string_view json) {
    raw_.api->set_output(&raw_, detail::str(json));
  }

  /// Writes log lines, to which the host adds the job's id, type and attempt.
  Log log() const {
    return Log(raw_);
  }
  /// True if the job should stop: time-out, shutdown, an operator's request. It costs one load, so call it
  /// often.
  bool is_cancelled() const {
    return raw_.api->is_cancelled(&raw_) != 0;
  }
  /// Reports the job's progress, for people: 0 to 1, and a short note.
  void progress(double fraction, std::string_view note = {}) const {
    raw_.api->progress(&raw_, fraction, detail::str(note));
  }

  /// Enqueues a job when this one is done. Both are committed together, so it is enqueued exactly once.
  /// Throws PermanentError if the type is empty or too long, if the payload is not valid JSON, or if the host
  /// does not support follow-up jobs.
  void enqueue(const NewJob& job) const {
    const auto* host = extension<sluice_enqueue>(SLUICE_EXTENSION_ENQUEUE);
    if (host == nullptr) {
      throw PermanentError("no-enqueue",
                           "this version of Sluice does not support follow-up jobs (" SLUICE_EXTENSION_ENQUEUE
                           "); use a newer one");
    }
    const sluice_new_job raw{sizeof raw,
                             0,
                             detail::str(job.type),
                             detail::str(job.payload),
                             job.delay.count(),
                             detail::str(job.unique_key)};
    if (host->enqueue(&raw_, &raw) != 0) {
      throw PermanentError("bad-follow-up", "the follow-up job of type '" + std::string(job.type) +
                                                "' was refused: its type must have 1 to 128 characters, its "
                                                "payload must be valid JSON, and one "
                                                "job may request only so many");
    }
  }

  /// Runs an SQL statement when this job is done. It runs in the transaction that marks the job done, so it
  /// happens exactly once. $1, $2, … are `parameters`, as text: write $1::int for a number. The statement
  /// runs under the database role that the operator granted to the plugin. Throws PermanentError if no role
  /// is granted.
  void execute(std::string_view sql, std::initializer_list<Parameter> parameters = {}) const {
    const auto* host = extension<sluice_effects>(SLUICE_EXTENSION_EFFECTS);
    if (host == nullptr) {
      throw PermanentError(
          "no-effects",
          "this plugin may not write to the database: no role is granted to it; set role under "
          "[plugin.NAME] in the configuration and run sluice init");
    }
    std::vector<sluice_str> texts;
    for (const Parameter& parameter : parameters) texts.push_back(parameter.raw());
    std::vector<const sluice_str*> pointers;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      pointers.push_back(parameters.begin()[i].null() ? nullptr : &texts[i]);
    }
    if (host->execute(&raw_, detail::str(sql), pointers.data(), pointers.size()) != 0) {
      throw PermanentError(
          "bad-effect",
          "a statement was refused: it is empty, has more than 32 parameters, or the job has "
          "requested too many");
    }
  }

  /// The secret that the operator granted to the plugin under that name, in [plugin.NAME.secrets]; nullopt if
  /// none is granted. It is valid until the handler object is destroyed.
  std::optional<std::string_view> secret(std::string_view name) const {
    return detail::secret_in(extension<sluice_secrets>(SLUICE_EXTENSION_SECRETS), name);
  }

  /// The host's extension with that id, a struct T that begins with `uint32_t size`. Null if this host has no
  /// such extension, or a shorter one than `at_least`. To accept an older host's, pass less than sizeof(T),
  /// and test the members beyond that with SLUICE_HAS.
  template <class T>
  const T* extension(std::string_view id, std::size_t at_least = sizeof(T)) const {
    return detail::extension_as<T>(raw_.api->get_extension(&raw_, detail::str(id)), at_least);
  }

  /// For the C functions of an extension.
  const sluice_job& raw() const {
    return raw_;
  }

 private:
  const sluice_job& raw_;
#ifndef SLUICE_WITHOUT_RAPIDJSON
  std::optional<rapidjson::Document> payload_;
#endif
};

}  // namespace sluice
