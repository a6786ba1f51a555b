#include "host/job_run.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "base/log.hpp"
#include "base/text.hpp"
#include "host/schema.hpp"
#include "wire/bounds.hpp"

namespace sluice::host {

namespace {

constexpr std::size_t longest_note = 1000;
constexpr std::size_t longest_type = 128;

std::string text(sluice_str view) {
  return view.data == nullptr ? std::string() : base::valid_utf8({view.data, view.size});
}
/// At most `limit` bytes of it.
std::string text(sluice_str view, std::size_t limit) {
  return view.data == nullptr ? std::string()
                              : base::valid_utf8(base::shortened({view.data, view.size}, limit));
}

sluice_str view(const std::string& text) {
  return {text.data(), text.size()};
}

/// Microseconds since 1970.
std::int64_t wall_clock_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(base::WallClock::now().time_since_epoch())
      .count();
}

std::int32_t known_level(std::int32_t level) {
  return level < SLUICE_LOG_TRACE || level > SLUICE_LOG_ERROR ? std::int32_t{SLUICE_LOG_INFO} : level;
}

/// The Outcome for the handler's return value.
void set_result(job::Outcome& outcome, std::int32_t result) {
  switch (result) {
    case SLUICE_DONE:
      outcome.result = job::Result::done;
      return;
    case SLUICE_RETRY:
      outcome.result = job::Result::retry;
      return;
    case SLUICE_FAIL:
      outcome.result = job::Result::fail;
      return;
    case SLUICE_SNOOZE:
      outcome.result = job::Result::snooze;
      return;
    case SLUICE_CANCELLED:
      outcome.result = job::Result::cancelled;
      return;
    default:
      outcome.result = job::Result::retry;
      outcome.code = "bad-result";
      outcome.error =
          "the handler returned " + std::to_string(result) +
          ", which is not a result that this version knows (0 done, 1 retry, 2 fail, 3 snooze, 4 cancelled)";
  }
}

/// A job that is done with an output of `size` bytes fails if the output is too large or is not JSON.
void check_output(job::Outcome& outcome, std::size_t size) {
  if (size > wire::longest_output) {
    outcome = wire::too_large("its output", size, wire::longest_output);
  } else if (!outcome.output.empty() && !is_json(outcome.output)) {
    outcome.result = job::Result::fail;
    outcome.code = "bad-output";
    outcome.error = "the handler returned done, but its output is not valid JSON: " +
                    base::shortened(base::valid_utf8(outcome.output), 200);
  }
}

}  // namespace

wire::LogLine to_log_line(std::int64_t ticket, std::int32_t level, sluice_str message,
                          const sluice_field* const* fields, std::size_t field_count) {
  wire::LogLine line{known_level(level), ticket, text(message, wire::longest_log_text), {}};
  for (std::size_t i = 0; fields != nullptr && i < std::min(field_count, wire::most_log_fields); ++i) {
    const sluice_field* field = fields[i];
    if (field == nullptr || !SLUICE_HAS(field, sluice_field, value)) continue;
    line.fields.push_back({text(field->key, wire::longest_code), text(field->value, wire::longest_log_text),
                           field->kind == SLUICE_FIELD_JSON});
  }
  wire::keep_bounds(line);
  return line;
}

wire::LogLine ignored_line(std::int64_t ticket, const std::string& what,
                           const std::vector<std::string>& ignored) {
  return {SLUICE_LOG_WARN,
          ticket,
          what + " has members that nothing reads",
          {{"ignored", base::joined(ignored), false}}};
}

/// The functions of sluice_job_api, which work on the JobRun of the job.
struct JobApi {
  static JobRun& run(const sluice_job* job) { return *static_cast<JobRun*>(job->host_data); }

  static void log(const sluice_job* job, std::int32_t level, sluice_str message,
                  const sluice_field* const* fields, std::size_t field_count) noexcept {
    JobRun& self = run(job);
    self.tell(to_log_line(self.ticket_, level, message, fields, field_count));
  }

  static std::int32_t is_cancelled(const sluice_job* job) noexcept {
    const JobRun& self = run(job);
    return self.page_.ticket(self.ticket_).cancel.load(std::memory_order_relaxed) != 0 ? 1 : 0;
  }

  static void progress(const sluice_job* job, double fraction, sluice_str note) noexcept {
    JobRun& self = run(job);
    const double within = std::isfinite(fraction) ? std::clamp(fraction, 0.0, 1.0) : 0.0;
    if (self.all_progress_) {
      self.channel_.send([&](std::string& out) {
        wire::put_progress(out, {self.ticket_, within, text(note, longest_note)});
      });
    }
    const std::string words = text(note, wire::ProgressCell::longest_note - std::string_view("…").size());
    const base::Lock lock(self.mutex_);
    self.page_.progress(self.view_.slot).write(self.ticket_, within, words);
    self.told_progress_ = true;
  }

  static void set_delay(const sluice_job* job, std::int64_t delay_us) noexcept {
    JobRun& self = run(job);
    const base::Lock lock(self.mutex_);
    self.told_.delay = job::Microseconds(std::max<std::int64_t>(0, delay_us));
  }

  static void set_error(const sluice_job* job, sluice_str code, sluice_str message) noexcept {
    JobRun& self = run(job);
    const base::Lock lock(self.mutex_);
    self.told_.code = text(code, wire::longest_code);
    self.told_.error = text(message, wire::longest_error);
  }

  static void set_output(const sluice_job* job, sluice_str json) noexcept {
    JobRun& self = run(job);
    const base::Lock lock(self.mutex_);
    self.output_size_ = json.data == nullptr ? 0 : json.size;
    self.told_.output.assign(json.data, self.output_size_ <= wire::longest_output ? self.output_size_ : 0);
  }

  static std::int32_t enqueue(const sluice_job* job, const sluice_new_job* new_job) noexcept {
    JobRun& self = run(job);
    if (!self.count_request(new_job->type.size + new_job->payload.size + new_job->unique_key.size)) return 1;
    job::FollowUp follow_up{text(new_job->type), text(new_job->payload),
                            job::Microseconds(std::max<std::int64_t>(0, new_job->delay_us)),
                            text(new_job->unique_key)};
    if (follow_up.type.empty() || follow_up.type.size() > longest_type || !is_json(follow_up.payload))
      return 1;
    const base::Lock lock(self.mutex_);
    self.told_.follow_ups.push_back(std::move(follow_up));
    return 0;
  }

  static std::int32_t execute(const sluice_job* job, sluice_str sql, const sluice_str* const* parameters,
                              std::size_t count) noexcept {
    JobRun& self = run(job);
    if (count > SLUICE_MOST_PARAMETERS) return 1;
    std::size_t size = sql.size;
    for (std::size_t i = 0; i < count; ++i) size += parameters[i] == nullptr ? 0 : parameters[i]->size;
    if (!self.count_request(size)) return 1;
    job::Effect effect{text(sql), {}};
    if (effect.sql.empty()) return 1;
    for (std::size_t i = 0; i < count; ++i) {
      effect.parameters.push_back(parameters[i] == nullptr ? std::nullopt
                                                           : std::optional(text(*parameters[i])));
    }
    const base::Lock lock(self.mutex_);
    self.told_.effects.push_back(std::move(effect));
    return 0;
  }

  static const void* get_extension(const sluice_job* job, sluice_str id) noexcept {
    const std::string_view wanted(id.data == nullptr ? "" : id.data, id.size);
    if (wanted == SLUICE_EXTENSION_ENQUEUE) return &enqueue_table;
    if (wanted == SLUICE_EXTENSION_SECRETS) return run(job).secrets_.extension();
    if (wanted == SLUICE_EXTENSION_EFFECTS && run(job).effects_) return &effects_table;
    return nullptr;
  }

  static constexpr sluice_enqueue enqueue_table = {sizeof(sluice_enqueue), 0, enqueue};
  static constexpr sluice_effects effects_table = {sizeof(sluice_effects), 0, execute};

  static constexpr sluice_job_api table = {
      sizeof(sluice_job_api), 0, log, is_cancelled, progress, set_delay, set_error, set_output,
      get_extension};
};

JobRun::JobRun(Channel& channel, wire::SharedPage& page, std::uint32_t slot, int log_level, bool effects,
               bool all_progress, std::uint32_t most_requests, const SecretStore& secrets)
    : channel_(channel),
      page_(page),
      log_level_(log_level),
      effects_(effects),
      all_progress_(all_progress),
      most_requests_(most_requests),
      secrets_(secrets) {
  view_.size = sizeof view_;
  view_.slot = slot;
  view_.api = &JobApi::table;
  view_.host_data = this;
}

void JobRun::begin(const sluice_job_type& type, const QueuedJob& job) {
  ticket_ = job.ticket;
  view_.id = view(job.id);
  view_.idempotency_key = view(job.id);
  view_.type = type.name;
  view_.payload = view(job.payload);
  view_.attempt = job.attempt;
  view_.max_attempts = job.max_attempts;
  view_.created_at_us = job.created_at_us;
  view_.deadline_us = job.limit_us > 0 ? wall_clock_us() + job.limit_us : 0;
  const base::Lock lock(mutex_);
  told_ = {};
  output_size_ = 0;
  requests_ = 0;
  request_bytes_ = 0;
  log_tail_.clear();
  told_progress_ = false;
}

void JobRun::tell(const wire::LogLine& line) {
  {
    const base::Lock lock(mutex_);
    log_tail_.add(line.level, line.message);
  }
  if (line.level < log_level_) return;
  channel_.log(line);
}

job::Outcome JobRun::run(void* self, void* slot_state, const sluice_job_type& type, const QueuedJob& job,
                         const std::optional<wire::LogLine>& remark) {
  begin(type, job);
  if (remark) tell(*remark);
  const auto started = base::Clock::now();
  const std::int32_t result = type.handle(self, slot_state, &view_);
  return end(result, started);
}

job::Outcome JobRun::end(std::int32_t result, base::Clock::time_point started) {
  const auto duration = std::chrono::duration_cast<job::Microseconds>(base::Clock::now() - started);
  const base::Lock lock(mutex_);
  if (told_progress_) page_.progress(view_.slot).clear();
  job::Outcome outcome = std::move(told_);
  set_result(outcome, result);
  const bool ended = outcome.result == job::Result::done || outcome.result == job::Result::retry ||
                     outcome.result == job::Result::fail;
  if (auto failure = excess(); failure && ended) outcome = std::move(*failure);
  if (outcome.result == job::Result::done) check_output(outcome, output_size_);
  outcome.duration = duration;
  if (outcome.result != job::Result::done) {
    name_missing_reason(outcome);
    outcome.log_tail = log_tail_.text();
  }
  wire::keep_bounds(outcome);
  return outcome;
}

/// Whether another request of that size may be noted. If not, the job fails, even if its handler goes on.
bool JobRun::count_request(std::size_t bytes) {
  constexpr std::size_t overhead = 32;
  const base::Lock lock(mutex_);
  ++requests_;
  request_bytes_ += bytes + overhead;
  return !excess();
}

std::optional<job::Outcome> JobRun::excess() const {
  if (most_requests_ > 0 && requests_ > most_requests_)
    return wire::too_many_requests(requests_, most_requests_);
  if (request_bytes_ > wire::most_request_bytes) return wire::too_large_requests(request_bytes_);
  return std::nullopt;
}

void JobRun::name_missing_reason(job::Outcome& outcome) const {
  outcome.output.clear();
  outcome.follow_ups.clear();
  outcome.effects.clear();
  const bool failed = outcome.result == job::Result::retry || outcome.result == job::Result::fail;
  if (failed && outcome.error.empty()) {
    outcome.error = "the handler returned " + std::string(job::name(outcome.result)) + " and gave no reason";
  }
}

}  // namespace sluice::host
