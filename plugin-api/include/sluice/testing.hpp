// Tests of handlers without a runtime, a database or a process:
//
//   sluice::testing::FakeJob job(R"({"name": "Ada"})");
//   const auto outcome = job.run(greet);
//   EXPECT_EQ(outcome.result, SLUICE_DONE);
//   EXPECT_EQ(job.logs().at(0).message, "greeting");
//
// A FakeJob is one job on a host that accepts follow-up jobs and effects, and keeps them for the test. Its
// records may be read after run(). is_cancelled() and cancel() may be called from any thread.
//
// A StartedPlugin is the whole plugin as a host starts it:
//
//   extern "C" const sluice_plugin sluice_plugin_v1;
//   StartedPlugin plugin(sluice_plugin_v1, R"({"greeting": "Hi"})");
//   EXPECT_EQ(plugin.run(job).result, SLUICE_DONE);
#pragma once

#include <sluice/detail/handlers.hpp>
#include <sluice/plugin.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::testing {

/// A line that a handler logged. Fields are text or JSON.
struct LogLine {
  std::int32_t level;
  std::string message;
  std::map<std::string, std::string> fields;
};

/// What the host was told about one attempt.
struct Outcome {
  std::int32_t result;  // SLUICE_DONE, SLUICE_RETRY, ...
  std::string code;
  std::string error;
  std::optional<std::chrono::microseconds> delay;
  std::optional<std::string> output;
};

/// A job that the handler enqueued, in order.
struct FollowUp {
  std::string type;
  std::string payload;
  std::chrono::microseconds delay;
  std::string unique_key;
};

/// A statement that the handler requested, in order.
struct Effect {
  std::string sql;
  std::vector<std::optional<std::string>> parameters;
};

/// Secrets that a fake host grants.
class FakeSecrets {
 public:
  FakeSecrets() = default;
  FakeSecrets(const FakeSecrets&) = delete;
  FakeSecrets& operator=(const FakeSecrets&) = delete;

  void grant(std::string name, std::string value) { values_[std::move(name)] = std::move(value); }
  const sluice_secrets* extension() const { return &table_; }

 private:
  static std::int32_t get(const sluice_secrets* secrets, sluice_str name, sluice_str* value) noexcept {
    const auto& values = static_cast<const FakeSecrets*>(secrets->host_data)->values_;
    const auto found = values.find(std::string(detail::view(name)));
    if (found == values.end()) return 1;
    *value = detail::str(found->second);
    return 0;
  }

  std::map<std::string, std::string> values_;
  sluice_secrets table_{sizeof(sluice_secrets), 0, this, get};
};

class FakeJob {
 public:
  explicit FakeJob(std::string payload = "{}") : payload_(std::move(payload)) {
    raw_.size = sizeof raw_;
    raw_.api = &api;
    raw_.host_data = this;
    raw_.type = detail::str("test.type");
    raw_.payload = detail::str(payload_);
    raw_.attempt = 1;
    raw_.max_attempts = 3;
    id("job-1");
    extension(SLUICE_EXTENSION_ENQUEUE, &enqueue_extension);
    extension(SLUICE_EXTENSION_EFFECTS, &effects_extension);
    extension(SLUICE_EXTENSION_SECRETS, secrets_.extension());
  }
  FakeJob(const FakeJob&) = delete;
  FakeJob& operator=(const FakeJob&) = delete;

  /// Also the idempotency key.
  FakeJob& id(std::string id) {
    id_ = std::move(id);
    raw_.id = raw_.idempotency_key = detail::str(id_);
    return *this;
  }
  FakeJob& attempt(std::uint32_t attempt, std::uint32_t max_attempts) {
    raw_.attempt = attempt;
    raw_.max_attempts = max_attempts;
    return *this;
  }
  FakeJob& deadline(Job::Time deadline) {
    raw_.deadline_us = deadline.time_since_epoch().count();
    return *this;
  }
  /// Sets the extension that the handler finds under that id; nullptr removes it.
  FakeJob& extension(std::string id, const void* pointer) {
    extensions_[std::move(id)] = pointer;
    return *this;
  }
  /// Grants a secret to the plugin.
  FakeJob& secret(std::string name, std::string value) {
    secrets_.grant(std::move(name), std::move(value));
    return *this;
  }
  void cancel() { cancelled_ = true; }

  /// Runs a function, or an object of a handler class, as a host does: an exception becomes an outcome.
  template <class Handler, class... Slot>
  Outcome run(Handler&& handler, Slot&... slot) {
    told_ = {};
    told_.result = detail::run_guarded(raw_, [&](Job& job) { return detail::call(handler, job, slot...); });
    return told_;
  }
  /// Runs a job type of a plugin's descriptor, with the `self` of its init and the `slot` of its slot_open.
  Outcome run(const sluice_job_type& type, void* self = nullptr, void* slot = nullptr) {
    told_ = {};
    raw_.type = type.name;
    told_.result = type.handle(self, slot, &raw_);
    return told_;
  }

  const std::vector<LogLine>& logs() const { return logs_; }
  /// The handler's requests. A runtime drops them unless the outcome is SLUICE_DONE.
  const std::vector<FollowUp>& follow_ups() const { return follow_ups_; }
  const std::vector<Effect>& effects() const { return effects_; }
  double progress() const { return progress_; }
  const std::string& progress_note() const { return note_; }
  const sluice_job& raw() const { return raw_; }

 private:
  static FakeJob& of(const sluice_job* job) { return *static_cast<FakeJob*>(job->host_data); }
  static std::string text(sluice_str view) { return std::string(detail::view(view)); }

  static void log(const sluice_job* job, std::int32_t level, sluice_str message,
                  const sluice_field* const* fields, std::size_t count) noexcept {
    LogLine line{level, text(message), {}};
    for (std::size_t i = 0; i < count; ++i) line.fields[text(fields[i]->key)] = text(fields[i]->value);
    const std::lock_guard<std::mutex> lock(of(job).mutex_);
    of(job).logs_.push_back(std::move(line));
  }
  static std::int32_t is_cancelled(const sluice_job* job) noexcept { return of(job).cancelled_ ? 1 : 0; }
  static void set_progress(const sluice_job* job, double fraction, sluice_str note) noexcept {
    const std::lock_guard<std::mutex> lock(of(job).mutex_);
    of(job).progress_ = fraction;
    of(job).note_ = text(note);
  }
  static void set_delay(const sluice_job* job, std::int64_t delay_us) noexcept {
    of(job).told_.delay = std::chrono::microseconds(delay_us);
  }
  static void set_error(const sluice_job* job, sluice_str code, sluice_str message) noexcept {
    of(job).told_.code = text(code);
    of(job).told_.error = text(message);
  }
  static void set_output(const sluice_job* job, sluice_str json) noexcept {
    of(job).told_.output = text(json);
  }
  static const void* get_extension(const sluice_job* job, sluice_str id) noexcept {
    const auto found = of(job).extensions_.find(text(id));
    return found == of(job).extensions_.end() ? nullptr : found->second;
  }

  static std::int32_t enqueue(const sluice_job* job, const sluice_new_job* new_job) noexcept {
    if (new_job->type.size == 0 || new_job->type.size > 128) return 1;
    const std::lock_guard<std::mutex> lock(of(job).mutex_);
    of(job).follow_ups_.push_back({text(new_job->type), text(new_job->payload),
                                   std::chrono::microseconds(new_job->delay_us), text(new_job->unique_key)});
    return 0;
  }
  static std::int32_t execute(const sluice_job* job, sluice_str sql, const sluice_str* const* parameters,
                              std::size_t count) noexcept {
    if (sql.size == 0 || count > SLUICE_MOST_PARAMETERS) return 1;
    Effect effect{text(sql), {}};
    for (std::size_t i = 0; i < count; ++i) {
      effect.parameters.push_back(
          parameters[i] == nullptr ? std::nullopt : std::optional<std::string>(text(*parameters[i])));
    }
    const std::lock_guard<std::mutex> lock(of(job).mutex_);
    of(job).effects_.push_back(std::move(effect));
    return 0;
  }

  static constexpr sluice_enqueue enqueue_extension = {sizeof(sluice_enqueue), 0, enqueue};
  static constexpr sluice_effects effects_extension = {sizeof(sluice_effects), 0, execute};
  static constexpr sluice_job_api api = {sizeof(sluice_job_api), 0,         log,       is_cancelled,
                                         set_progress,           set_delay, set_error, set_output,
                                         get_extension};

  std::string payload_;
  std::string id_;
  std::map<std::string, const void*> extensions_;
  FakeSecrets secrets_;
  sluice_job raw_{};
  Outcome told_{};
  std::atomic<bool> cancelled_{false};

  std::mutex mutex_;
  std::vector<LogLine> logs_;  // protected by mutex_, like all below
  std::vector<FollowUp> follow_ups_;
  std::vector<Effect> effects_;
  double progress_ = 0;
  std::string note_;
};

/// A host for the constructors of handler classes: `MyHandler handler(FakeHost().config("{...}"))`.
class FakeHost {
 public:
  explicit FakeHost(std::uint32_t slots = 1) {
    raw_.size = sizeof raw_;
    raw_.abi_major = SLUICE_ABI_MAJOR;
    raw_.abi_minor = SLUICE_ABI_MINOR;
    raw_.host_data = this;
    raw_.runtime_version = detail::str("0.0.0");
    raw_.slots = slots;
    raw_.log = [](const sluice_host* host, std::int32_t level, sluice_str message, const sluice_field* const*,
                  std::size_t) noexcept {
      of(host).logs_.push_back({level, std::string(detail::view(message)), {}});
    };
    raw_.set_error = [](const sluice_host* host, sluice_str message) noexcept {
      of(host).error_ = detail::view(message);
    };
    raw_.get_extension = [](const sluice_host* host, sluice_str id) noexcept -> const void* {
      return detail::view(id) == SLUICE_EXTENSION_SECRETS ? of(host).secrets_.extension() : nullptr;
    };
  }
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;

  /// Grants a secret to the plugin.
  FakeHost& secret(std::string name, std::string value) {
    secrets_.grant(std::move(name), std::move(value));
    return *this;
  }
  /// Valid as long as this host and `json`.
  Config config(std::string_view json = "{}") const { return Config(raw_, json); }

  const sluice_host& raw() const { return raw_; }
  /// Why init or slot_open refused.
  const std::string& error() const { return error_; }
  const std::vector<LogLine>& logs() const { return logs_; }

 private:
  static FakeHost& of(const sluice_host* host) { return *static_cast<FakeHost*>(host->host_data); }

  sluice_host raw_{};
  FakeSecrets secrets_;
  std::string error_;
  std::vector<LogLine> logs_;
};

/// A plugin as a host starts it, with one slot, until this is destroyed. If the plugin refuses to start, it
/// runs nothing, and each outcome is a failure that gives the plugin's reason. So a test fails with that
/// reason.
class StartedPlugin {
 public:
  /// `secrets`: those that are granted to it, by name.
  explicit StartedPlugin(const sluice_plugin& plugin, std::string_view config = "{}",
                         const std::map<std::string, std::string>& secrets = {})
      : plugin_(&plugin) {
    for (const auto& [name, value] : secrets) host_.secret(name, value);
    const std::string text(config);
    initialised_ = plugin.init == nullptr || plugin.init(&host_.raw(), detail::str(text), &self_) == 0;
    open_ = initialised_ &&
            (plugin.slot_open == nullptr || plugin.slot_open(self_, &host_.raw(), 0, &slot_) == 0);
    if (!open_) shut_down();
  }
  ~StartedPlugin() {
    if (open_ && plugin_->slot_close != nullptr) plugin_->slot_close(self_, slot_);
    shut_down();
  }
  StartedPlugin(const StartedPlugin&) = delete;
  StartedPlugin& operator=(const StartedPlugin&) = delete;

  bool started() const { return open_; }
  /// Why it refused to start; empty if it did not.
  const std::string& error() const { return host_.error(); }
  const FakeHost& host() const { return host_; }

  /// Runs the handler of that job type, or of the first type if none is named. If the plugin does not have
  /// the type, the outcome is a failure with code "unknown-type". If the plugin did not start, the code is
  /// "not-started".
  Outcome run(FakeJob& job, std::string_view type = {}) {
    const std::string name(detail::view(plugin_->name));
    if (!open_) return failure("not-started", "the plugin " + name + " refuses to start: " + reason());
    for (std::size_t i = 0; i < plugin_->job_type_count; ++i) {
      if (type.empty() || detail::view(plugin_->job_types[i]->name) == type)
        return job.run(*plugin_->job_types[i], self_, slot_);
    }
    return failure("unknown-type", "the plugin " + name + " has no job type " + std::string(type));
  }

 private:
  static Outcome failure(const char* code, std::string error) {
    return {SLUICE_FAIL, code, std::move(error), std::nullopt, std::nullopt};
  }
  std::string reason() const { return error().empty() ? "it gives no reason" : error(); }
  void shut_down() {
    if (initialised_ && plugin_->shutdown != nullptr) plugin_->shutdown(self_);
    initialised_ = false;
  }

  const sluice_plugin* plugin_;
  FakeHost host_;
  void* self_ = nullptr;
  void* slot_ = nullptr;
  bool initialised_ = false;
  bool open_ = false;
};

}  // namespace sluice::testing
