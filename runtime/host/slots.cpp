#include "host/slots.hpp"

#include <unistd.h>

#include <algorithm>

#include "base/text.hpp"
#include "host/crash_note.hpp"
#include "host/refusal.hpp"
#include "host/schema.hpp"

namespace sluice::host {

namespace {

std::int64_t monotonic_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(base::Clock::now().time_since_epoch()).count();
}

/// The message that slot_open gave to sluice_host.set_error. Each slot's thread has its own.
thread_local std::string slot_error;

}  // namespace

void set_slot_error(std::string message) {
  slot_error = std::move(message);
}

Slots::Slots(const Context& context, std::uint32_t count) : context_(context) {
  for (std::uint32_t i = 0; i < count; ++i) threads_.emplace_back([this, i] { work(i); });
  base::Lock lock(mutex_);
  while (opened_ < count) changed_.wait(mutex_);
  if (refusal_.empty()) return;
  closing_ = true;
  lock.unlock();
  changed_.notify_all();
  threads_.clear();
  throw Refusal("that slot_open failed (" + refusal_ + ")", "0", "fix the reported problem");
}

Slots::~Slots() {
  {
    const base::Lock lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  threads_.clear();
}

void Slots::push(std::vector<QueuedJob> jobs) {
  std::size_t wake = 0;
  {
    const base::Lock lock(mutex_);
    wake = std::min<std::size_t>(idle_, jobs.size());
    for (QueuedJob& job : jobs) queue_.push_back(std::move(job));
  }
  for (; wake > 0; --wake) changed_.notify_one();
}

std::vector<std::uint32_t> Slots::take_back() {
  std::vector<std::uint32_t> tickets;
  const base::Lock lock(mutex_);
  for (const QueuedJob& job : queue_) tickets.push_back(job.ticket);
  queue_.clear();
  return tickets;
}

void Slots::opened(std::string refusal) {
  {
    const base::Lock lock(mutex_);
    ++opened_;
    if (!refusal.empty()) refusal_ = std::move(refusal);
  }
  changed_.notify_all();
}

void Slots::work(std::uint32_t index) {
  const SignalStack stack;
  context_.page.slot(index).thread = gettid();
  const sluice_plugin& plugin = *context_.library.descriptor;
  void* slot_state = nullptr;
  if (plugin.slot_open != nullptr) {
    slot_error.clear();
    const std::int32_t result = plugin.slot_open(context_.self, &context_.host, index, &slot_state);
    if (result != 0) {
      opened("slot " + std::to_string(index) + " returned " + std::to_string(result) +
             (slot_error.empty() ? "" : ": " + slot_error));
      return;
    }
  }
  opened("");
  serve(index, slot_state);
  if (plugin.slot_close != nullptr) plugin.slot_close(context_.self, slot_state);
}

void Slots::serve(std::uint32_t index, void* slot_state) {
  JobRun run(context_.channel, context_.page, index, context_.log_level, context_.effects,
             context_.all_progress, context_.most_requests, context_.secrets);
  std::vector<Schema> schemas(context_.schemas);
  for (QueuedJob job; pop(job);) execute(run, schemas, slot_state, job, index);
}

bool Slots::pop(QueuedJob& job) {
  const base::Lock lock(mutex_);
  ++idle_;
  while (!closing_ && queue_.empty()) changed_.wait(mutex_);
  --idle_;
  if (queue_.empty()) return false;
  job = std::move(queue_.front());
  queue_.pop_front();
  return true;
}

void Slots::execute(JobRun& run, std::vector<Schema>& schemas, void* slot_state, const QueuedJob& job,
                    std::uint32_t index) {
  wire::SlotState& slot = context_.page.slot(index);
  job::Outcome outcome;
  auto queued = wire::TicketState::queued;
  if (!context_.page.ticket(job.ticket).state.compare_exchange_strong(queued, wire::TicketState::started)) {
    outcome.result = job::Result::released;
    return answer(job, outcome);
  }
  slot.started_us = monotonic_us();
  slot.ticket = job.ticket;
  if (context_.page.ticket(job.ticket).cancel != 0) {
    outcome.result = job::Result::cancelled;  // cancelled before it started
    report(job, outcome);
  } else if (const Verdict verdict = judge(schemas[job.type_index], job); verdict.problem) {
    outcome.result = job::Result::fail;
    outcome.code = "bad-payload";
    outcome.error = *verdict.problem;
    report(job, outcome);
  } else {
    const sluice_job_type& type = *context_.library.descriptor->job_types[job.type_index];
    const Blame blame(index);
    report(job, run.run(context_.self, slot_state, type, job, remark(job, verdict.ignored)));
  }
  slot.ticket = wire::SlotState::idle;
}

Verdict Slots::judge(Schema& schema, const QueuedJob& job) const {
  // The problem is stored as the attempt's error, which people see who may not see payloads.
  Verdict verdict = schema.check(job.payload, "the payload", Quotes::nothing);
  if (context_.strict[job.type_index] && !verdict.ignored.empty()) {
    verdict.problem = "the payload has members that nothing reads: " + ignored_words(verdict.ignored) +
                      "; leave them out, or set strict = false for the type or the plugin";
  }
  return verdict;
}

/// The log line for members that nothing reads. For the same members of a type it is written once a minute.
std::optional<wire::LogLine> Slots::remark(const QueuedJob& job, const std::vector<std::string>& ignored) {
  if (ignored.empty()) return std::nullopt;
  constexpr std::chrono::minutes interval{1};
  constexpr std::size_t most = 1000;
  const auto now = base::Clock::now();
  wire::LogLine line = ignored_line(job.ticket, "the payload", ignored);
  const base::Lock lock(mutex_);
  if (remarked_.size() > most) remarked_.clear();
  const auto [known, is_new] =
      remarked_.try_emplace(std::to_string(job.type_index) + " " + line.fields.front().value, now);
  if (!is_new && now - known->second < interval) return std::nullopt;
  known->second = now;
  return line;
}

void Slots::report(const QueuedJob& job, const job::Outcome& outcome) {
  context_.page.ticket(job.ticket).state =
      outcome.plain() ? wire::TicketState::done : wire::TicketState::finished;
  answer(job, outcome);
}

void Slots::answer(const QueuedJob& job, const job::Outcome& outcome) {
  const auto put = [&](std::string& out) { wire::put_outcome(out, job.ticket, outcome); };
  bool more = false;
  {
    const base::Lock lock(mutex_);
    more = !queue_.empty();
  }
  if (more && (outcome.plain() || outcome.result == job::Result::released)) {
    context_.channel.send_later(put);
  } else {
    context_.channel.send(put);
  }
}

}  // namespace sluice::host
