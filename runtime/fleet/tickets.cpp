#include "fleet/tickets.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <utility>

#include "base/duration.hpp"
#include "base/planted.hpp"
#include "wire/bounds.hpp"

namespace sluice::fleet {

namespace {

std::int64_t to_microseconds(double seconds) {
  constexpr double most = 9e12;  // seconds: later than any timestamp, and within int64 as µs
  if (std::isnan(seconds)) return 0;
  return std::llround(std::clamp(seconds, -most / 10, most / 10) * 1e6);
}

}  // namespace

Tickets::Tickets() : in_flight_(wire::SharedPage::ticket_count) {
  for (std::uint32_t ticket = wire::SharedPage::ticket_count; ticket > 0; --ticket)
    free_.push_back(ticket - 1);
}

/// The slot that names each ticket; -1: none.
std::vector<std::int32_t> Tickets::slots_by_ticket() const {
  std::vector<std::int32_t> slots(in_flight_.size(), -1);
  for (std::uint32_t slot = 0; slot < wire::SharedPage::slot_count; ++slot) {
    const std::int64_t ticket = page_.slot(slot).ticket;
    if (ticket >= 0 && ticket < std::ssize(slots))
      slots[static_cast<std::size_t>(ticket)] = static_cast<std::int32_t>(slot);
  }
  return slots;
}

/// When the job's handler was called, as the host says. That can be anything, so it is kept within what the
/// runtime itself knows.
base::Clock::time_point Tickets::started_at(const InFlight& flight, std::int32_t slot) const {
  using std::chrono::microseconds;
  const auto in_microseconds = [](base::Clock::time_point time) {
    return std::chrono::duration_cast<microseconds>(time.time_since_epoch()).count();
  };
  const auto now = base::Clock::now();
  const auto latest = flight.seen_started_at.value_or(now);
  if (slot < 0) return latest;
  const std::int64_t said = page_.slot(static_cast<std::uint32_t>(slot)).started_us;
  const auto kept =
      std::clamp(said, in_microseconds(flight.sent_at), in_microseconds(std::max(latest, flight.sent_at)));
  return base::Clock::time_point(microseconds(kept));
}

/// Calls `call` with the ticket, the slot (-1: none) and the start of each job whose handler is running. If a
/// slot still names a ticket whose outcome was read, the ticket is idle or queued by now.
template <class Call>
void Tickets::for_each_started(Call call) const {
  const auto slots = slots_by_ticket();
  std::size_t left = in_flight();  // low tickets are handed out first, so most of them are never looked at
  for (std::uint32_t ticket = 0; left > 0 && ticket < in_flight_.size(); ++ticket) {
    const InFlight& flight = in_flight_[ticket];
    if (!flight.has_job() && !flight.recalled) continue;
    --left;
    if (!flight.has_job() || page_.ticket(ticket).state != wire::TicketState::started) continue;
    call(ticket, slots[ticket], started_at(flight, slots[ticket]));
  }
}

std::string Tickets::hand_out(std::vector<job::Job> jobs, const std::vector<job::TypeSpec>& types) {
  std::vector<wire::JobOrder> orders;
  orders.reserve(jobs.size());
  for (const job::Job& job : jobs) {
    const std::uint32_t ticket = free_.back();
    free_.pop_back();
    const auto type =
        std::find_if(types.begin(), types.end(), [&](const auto& t) { return t.name == job.type; });
    if (!base::planted(base::Bug::cancel_flag_stays)) page_.ticket(ticket).cancel = 0;
    page_.ticket(ticket).state = wire::TicketState::queued;
    const auto type_index = static_cast<std::uint32_t>(type - types.begin());
    orders.push_back({ticket, type_index, static_cast<std::uint32_t>(job.attempt),
                      static_cast<std::uint32_t>(job.max_attempts), to_microseconds(job.created_at),
                      limit(type_index).count(), job.id, job.payload});
  }
  std::string frames;
  wire::put_jobs(frames, orders);
  const auto now = base::Clock::now();
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    jobs[i].payload = {};
    InFlight& flight = in_flight_[orders[i].ticket] = {};
    flight.job = std::move(jobs[i]);
    flight.type_index = orders[i].type_index;
    flight.sent_at = now;
  }
  return frames;
}

std::optional<job::Finished> Tickets::take_back(wire::JobResult result) {
  if (result.ticket < in_flight_.size() && in_flight_[result.ticket].recalled) {
    base::mark("tickets: the answer of a recalled job");
    give_up(result.ticket);
    return std::nullopt;
  }
  if (job(result.ticket) == nullptr) throw wire::Malformed("an outcome for a job that it does not have");
  if (in_flight_[result.ticket].asked_to_stop() && result.outcome.result == job::Result::cancelled) {
    const auto duration = result.outcome.duration;
    result.outcome = {};
    result.outcome.result = job::Result::released;
    if (const InFlight& flight = in_flight_[result.ticket]; flight.overdue) {
      base::mark("tickets: an overdue job stopped when asked");
      result.outcome.result = job::Result::crashed;
      result.outcome.code = flight.overdrawn ? "cpu-limit" : "timeout";
      result.outcome.error = "the job " + limit_words(flight) + " and stopped when it was asked to";
    }
    result.outcome.duration = duration;
  }
  wire::keep_bounds(result.outcome);
  return give_up(result.ticket, std::move(result.outcome), "its handler ended with: ");
}

std::vector<job::Finished> Tickets::recall(base::Clock::time_point latest) {
  std::vector<job::Finished> recalled;
  std::size_t left = in_flight();  // low tickets are handed out first, so most of them are never looked at
  for (std::uint32_t ticket = 0; left > 0 && ticket < in_flight_.size(); ++ticket) {
    InFlight& flight = in_flight_[ticket];
    if (flight.has_job() || flight.recalled) --left;
    if (!flight.has_job() || flight.sent_at > latest) continue;
    auto queued = wire::TicketState::queued;
    const bool is_ours =
        page_.ticket(ticket).state.compare_exchange_strong(queued, wire::TicketState::recalled);
    if (!is_ours && !base::planted(base::Bug::gives_back_started)) continue;
    recalled.push_back({std::exchange(flight.job, {}), {}, {}});
    recalled.back().outcome.result = job::Result::released;
    flight.recalled = true;
  }
  return recalled;
}

std::vector<Judged> Tickets::judge_all(const std::string& ending, bool interrupted,
                                       const std::string& limit) {
  const auto runs = started_jobs();
  const Death death{ending, interrupted, limit, limit.empty() ? culprits_ticket() : -1, runs.size()};
  std::vector<Judged> judged;
  for (std::uint32_t ticket = 0; ticket < in_flight_.size(); ++ticket) {
    if (!in_flight_[ticket].has_job()) continue;
    const auto run = runs.find(ticket);
    const bool started = run != runs.end();
    if (started && base::planted(base::Bug::forgets_crashed)) continue;
    job::Outcome outcome = judge(ticket, death);
    const bool unknown = !interrupted && death.culprit < 0;
    const bool suspect = started && (unknown || outcome.result == job::Result::crashed);
    std::optional<wire::Stack> stack;
    if (started && outcome.result != job::Result::released) {
      stack = stack_in(run->second.slot);
      add_traces(outcome, ticket, run->second, death);
      if (stack && stack->overflowed && death.culprit == ticket) outcome.error += " and overflowed its stack";
    }
    judged.push_back({give_up(ticket, std::move(outcome), ""), std::move(stack), suspect});
  }
  return judged;
}

std::map<std::uint32_t, Tickets::Started> Tickets::started_jobs() const {
  std::map<std::uint32_t, Started> jobs;
  for_each_started([&](std::uint32_t ticket, std::int32_t slot, base::Clock::time_point at) {
    jobs[ticket] = {slot, at};
  });
  return jobs;
}

std::optional<wire::Stack> Tickets::stack_in(std::int32_t slot) const {
  return slot < 0 ? std::nullopt : page_.stack(static_cast<std::uint32_t>(slot)).read();
}

/// What its handler did until its host ended.
void Tickets::add_traces(job::Outcome& outcome, std::uint32_t ticket, const Started& run,
                         const Death& death) const {
  outcome.duration = std::chrono::duration_cast<job::Microseconds>(base::Clock::now() - run.at);
  wire::LogTail tail = in_flight_[ticket].log_tail;
  const bool ended_it = death.culprit == ticket || death.started == 1;
  for (const Printed& one : printed_) {
    if (ended_it && one.at >= run.at) tail.add(one.stream, one.line);
  }
  outcome.log_tail = tail.text();
  if (run.slot < 0) return;
  const auto progress = page_.progress(static_cast<std::uint32_t>(run.slot)).read(ticket);
  if (!progress) return;
  outcome.log_tail += "progress: " + std::to_string(std::lround(100 * progress->fraction)) + " %" +
                      (progress->note.empty() ? "" : ", " + progress->note) + "\n";
}

void Tickets::note(const wire::LogLine& line) {
  if (job(line.ticket) == nullptr) return;
  in_flight_[static_cast<std::size_t>(line.ticket)].log_tail.add(line.level, line.message);
}

void Tickets::note_printed(const char* stream, const std::string& line) {
  constexpr std::size_t most = 5;
  if (printed_.size() == most) printed_.pop_front();
  printed_.push_back({base::Clock::now(), stream, line});
}

std::optional<wire::Stack> Tickets::stack_without_job() const {
  if (page_.header().crashed_slot != wire::PageHeader::other_thread) return std::nullopt;
  return page_.stack(wire::SharedPage::slot_count).read();
}

std::vector<pid_t> Tickets::threads_to_ask(base::Clock::time_point latest) {
  std::vector<pid_t> threads;
  for_each_started([&](std::uint32_t ticket, std::int32_t slot_or_none, base::Clock::time_point) {
    InFlight& flight = in_flight_[ticket];
    const auto slot = static_cast<std::uint32_t>(slot_or_none);
    if (slot_or_none < 0 || flight.stack_asked || !flight.is_stuck(latest)) return;
    flight.stack_asked = true;
    page_.stack(slot).clear();
    threads.push_back(static_cast<pid_t>(page_.slot(slot).thread.load()));
  });
  return threads;
}

job::Outcome Tickets::judge(std::uint32_t ticket, const Death& death) const {
  job::Outcome outcome;
  const wire::TicketState state = page_.ticket(ticket).state;
  const InFlight& flight = in_flight_[ticket];
  base::mark(state == wire::TicketState::done       ? "tickets: judged as done"
             : state == wire::TicketState::finished ? "tickets: judged, and its outcome is lost"
             : state == wire::TicketState::queued   ? "tickets: judged as not started"
                                                    : "tickets: judged as crashed or interrupted");
  if (state == wire::TicketState::done) return outcome;
  outcome.result = job::Result::released;
  if (state == wire::TicketState::queued) return outcome;
  if (flight.overdue && state == wire::TicketState::started && !base::planted(base::Bug::hangs_for_free)) {
    outcome.result = job::Result::crashed;
    outcome.code = flight.overdrawn ? "cpu-limit" : "timeout";
    outcome.error = "the job " + limit_words(flight) +
                    " and did not stop when it was asked to; its plugin host " + death.ending;
    return outcome;
  }
  const bool repeatable = flight.type_index >= at_most_once_.size() || !at_most_once_[flight.type_index] ||
                          base::planted(base::Bug::once_is_often);
  const bool is_alone = !death.limit.empty() && death.started == 1;
  const bool is_known = death.culprit >= 0 || blames_all_ || is_alone;
  const bool innocent =
      death.interrupted || !is_known ||
      (death.culprit >= 0 && death.culprit != ticket && !base::planted(base::Bug::charges_a_sibling));
  if (innocent && repeatable && state == wire::TicketState::started) {
    const bool had_to_be_killed =
        flight.cancel_requested && flight.stack_asked && death.culprit < 0 && death.limit.empty();
    if (!had_to_be_killed) return outcome;
    outcome.result = job::Result::cancelled;
    outcome.error = "it did not stop when it was asked to; its plugin host " + death.ending;
    return outcome;
  }
  outcome.result = job::Result::crashed;
  outcome.code = crash_code;
  if (!death.limit.empty() && state == wire::TicketState::started) {
    outcome.code = death.limit;
    outcome.error = "the plugin host " + death.ending + company(death.started);
    return outcome;
  }
  outcome.error =
      "the plugin host " + death.ending +
      (state == wire::TicketState::started ? " while this job ran"
                                           : " after this job ended and before its outcome was read");
  return outcome;
}

std::vector<job::Ref> Tickets::cancel(const std::set<std::string>& ids) {
  std::vector<job::Ref> asked;
  for (std::uint32_t ticket = 0; ticket < in_flight_.size(); ++ticket) {
    InFlight& flight = in_flight_[ticket];
    if (!flight.has_job() || flight.cancel_requested || !ids.contains(flight.job.id)) continue;
    flight.cancel_requested = true;
    flight.asked_to_stop_at = base::Clock::now();
    page_.ticket(ticket).cancel = 1;
    asked.push_back(flight.job);
  }
  return asked;
}

void Tickets::cancel_all() {
  for (std::uint32_t ticket = 0; ticket < in_flight_.size(); ++ticket) {
    if (!in_flight_[ticket].has_job()) continue;
    in_flight_[ticket].stopping = true;
    page_.ticket(ticket).cancel = 1;
  }
}

std::vector<job::Ref> Tickets::cancel_overdue(base::Clock::time_point now) {
  std::vector<job::Ref> asked;
  for_each_started([&](std::uint32_t ticket, std::int32_t, base::Clock::time_point started) {
    InFlight& flight = in_flight_[ticket];
    flight.seen_started_at = started;
    const job::Microseconds most =
        limit(flight.type_index) / (base::planted(base::Bug::limits_too_early) ? 2 : 1);
    if (flight.overdue || most.count() == 0 || now - started <= most) return;
    flight.overdue = true;
    if (!flight.cancel_requested) flight.asked_to_stop_at = now;
    page_.ticket(ticket).cancel = 1;
    asked.push_back(flight.job);
  });
  return asked;
}

std::vector<Overdrawn> Tickets::cancel_overdrawn(base::Clock::time_point now,
                                                 const std::function<std::optional<double>(pid_t)>& used) {
  std::vector<Overdrawn> asked;
  if (std::all_of(cpu_limits_.begin(), cpu_limits_.end(), [](auto limit) { return limit.count() == 0; }))
    return asked;
  for_each_started([&](std::uint32_t ticket, std::int32_t slot, base::Clock::time_point) {
    InFlight& flight = in_flight_[ticket];
    const std::chrono::duration<double> most = cpu_limit(flight.type_index);
    if (slot < 0 || most.count() == 0 || (flight.overdue && !flight.overdrawn)) return;
    const auto seconds = used(static_cast<pid_t>(page_.slot(static_cast<std::uint32_t>(slot)).thread.load()));
    if (!seconds) return;
    if (!flight.cpu_before) flight.cpu_before = seconds;
    flight.cpu_used = *seconds - *flight.cpu_before;
    if (flight.overdrawn || flight.cpu_used <= most.count()) return;
    flight.overdue = flight.overdrawn = true;
    if (!flight.cancel_requested) flight.asked_to_stop_at = now;
    page_.ticket(ticket).cancel = 1;
    asked.push_back({flight.job, cpu_words(flight)});
  });
  return asked;
}

std::size_t Tickets::stuck(base::Clock::time_point latest) const {
  std::size_t count = 0;
  for_each_started([&](std::uint32_t ticket, std::int32_t, base::Clock::time_point) {
    if (in_flight_[ticket].is_stuck(latest)) ++count;
  });
  return count;
}

std::size_t Tickets::started() const {
  std::size_t count = 0;
  for_each_started([&](std::uint32_t, std::int32_t, base::Clock::time_point) { ++count; });
  return count;
}

/// "used 10.3 s of CPU, its limit is 10 s"
std::string Tickets::cpu_words(const InFlight& flight) const {
  std::array<char, 32> seconds{};
  std::snprintf(seconds.data(), seconds.size(), "%.1f", flight.cpu_used);
  return std::string("used ") + seconds.data() + " s of CPU, its limit is " +
         base::format_duration(cpu_limit(flight.type_index));
}

/// "exceeded its time limit of 30s"
std::string Tickets::limit_words(const InFlight& flight) const {
  if (flight.overdrawn) return cpu_words(flight) + ",";
  return "exceeded its time limit of " + base::format_duration(limit(flight.type_index));
}

/// Who ran in a host that exceeded a limit, so who may have caused it.
std::string Tickets::company(std::size_t started) {
  if (started <= 1) return " while only this job ran in it";
  return " while this job and " + std::to_string(started - 1) + " other" + (started > 2 ? "s" : "") +
         " ran in it";
}

std::vector<RunningJob> Tickets::running(base::Clock::time_point latest) const {
  std::vector<RunningJob> jobs;
  for_each_started([&](std::uint32_t ticket, std::int32_t slot, base::Clock::time_point started) {
    if (started > latest || slot < 0) return;
    const job::Job& job = in_flight_[ticket].job;
    jobs.push_back({job, job.pump, {}, pid_, started, {}, {}});
    const auto progress = page_.progress(static_cast<std::uint32_t>(slot)).read(ticket);
    if (!progress) return;
    jobs.back().fraction = progress->fraction;
    jobs.back().note = progress->note;
  });
  return jobs;
}

/// -1 if it is not known. The host's process may have written anything.
std::int64_t Tickets::culprits_ticket() const {
  const std::int32_t slot = page_.header().crashed_slot;
  if (slot < 0 || slot >= static_cast<std::int32_t>(wire::SharedPage::slot_count)) return -1;
  const std::int64_t ticket = page_.slot(static_cast<std::uint32_t>(slot)).ticket;
  if (job(ticket) == nullptr) return -1;
  const auto state = page_.ticket(static_cast<std::uint32_t>(ticket)).state.load();
  return state == wire::TicketState::started ? ticket : -1;
}

const job::Ref* Tickets::job(std::int64_t ticket) const {
  if (ticket < 0 || ticket >= static_cast<std::int64_t>(in_flight_.size())) return nullptr;
  const InFlight& flight = in_flight_[static_cast<std::size_t>(ticket)];
  return flight.has_job() ? &flight.job : nullptr;
}

/// Removes the job of `ticket`; the ticket is free again.
job::Finished Tickets::give_up(std::uint32_t ticket) {
  page_.ticket(ticket).state = wire::TicketState::idle;
  free_.push_back(ticket);
  return {std::exchange(in_flight_[ticket], {}).job, {}, {}, pid_};
}

/// The same, with its outcome. A job that was to be cancelled ends cancelled unless it is done. `source`:
/// before the words of its error.
job::Finished Tickets::give_up(std::uint32_t ticket, job::Outcome outcome, const char* source) {
  if (in_flight_[ticket].cancel_requested && outcome.result != job::Result::done) {
    outcome.cancel_requested = true;
    outcome.result = job::Result::cancelled;
    outcome.code = "cancelled-by-hand";
    outcome.error = "cancelled by hand while a runtime had it" +
                    (outcome.error.empty() ? "" : std::string("; ") + source + outcome.error);
  }
  job::Finished finished = give_up(ticket);
  outcome.host = facts_;
  if (!outcome.effects.empty()) finished.role = role_;
  finished.outcome = std::move(outcome);
  return finished;
}

}  // namespace sluice::fleet
