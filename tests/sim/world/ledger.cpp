#include "world/ledger.hpp"

#include <algorithm>

#include "world/trace.hpp"

namespace sluice::sim {

namespace {

/// In a row. A host may be full again and again, but not for ever.
constexpr int most_given_back = 100;

}  // namespace

void Ledger::fail(const std::string& what) {
  if (violation_) return;
  violation_ = what;
  trace("VIOLATION", {{"what", what}});
  sched().stop();
}

void Ledger::on_beat(store::RuntimeId runtime) {
  const Time now = sched().now();
  Beats& beats = beats_[runtimes_[runtime]];
  if (!beats.last || now - *beats.last > lease_ / 2) beats.steady_since = now;
  beats.last = now;
}

/// Who judges has beaten steadily for a whole lease, in which the other could have beaten, too.
void Ledger::on_declared_dead(store::RuntimeId judge, store::RuntimeId dead) {
  if (judge == dead) return fail("a runtime declared itself dead");
  const Beats& beats = beats_[runtimes_[judge]];
  if (!beats.last || sched().now() - beats.steady_since < lease_)
    fail("a runtime declared another dead before it had beaten steadily for a lease");
}

void Ledger::enlisted(store::RuntimeId runtime, const Process& process) {
  runtimes_[runtime] = &process;
}

void Ledger::written(const Row& row) {
  Job& job = jobs_[row.id];
  job.type = row.type;
  job.attempts = row.attempts;
}

void Ledger::allow_another(const std::string& job) {
  ++jobs_[job].may_start;
  ++jobs_[job].may_take_effect;
}

void Ledger::forgotten(const std::vector<Row>& rows) {
  for (auto& [id, job] : jobs_) {
    ++job.may_start;
    ++job.may_take_effect;
    job.forgotten = true;
  }
  for (const Row& row : rows) {
    Job& job = jobs_[row.id];
    // A job that is marked has its present attempt counted already.
    job.attempts = row.status == "processing" ? row.attempts - 1 : row.attempts;
    job.abandoned = row.status == "processing" && job.foreign;
  }
}

void Ledger::on_claim(store::RuntimeId runtime, const std::set<std::string>& ids,
                      const std::set<std::string>& taken) {
  if (!taken.empty()) return fail("two valid receipts hold job " + *taken.begin());
  for (const std::string& id : ids) {
    Job& job = jobs_[id];
    trace("claimed", {{"job", id}, {"runtime", static_cast<long long>(runtime)}});
    job.runtime = runtimes_[runtime];
    job.claimed_at = sched().now();
    job.forgotten = job.abandoned = false;
  }
}

const Ledger::Run* Ledger::last_run(const Job& job) const {
  for (auto run = job.runs.rbegin(); run != job.runs.rend(); ++run) {
    if (run->runtime == job.runtime && run->start >= job.claimed_at) return &*run;
  }
  return nullptr;
}

/// The outcome that is written is that of the run.
void Ledger::check_run(const std::string& id, Job& job, const job::Settlement& settlement) {
  const Run* const run = last_run(job);
  const job::Result result = settlement.outcome.result;
  if (result == job::Result::done) {
    const bool ran = run != nullptr && !run->active && run->result == job::Result::done;
    if (!ran) fail("job " + id + " is written as done, and its handler did not end as done");
  } else if (result == job::Result::cancelled && !settlement.outcome.cancel_requested) {
    fail("job " + id +
         " ended as cancelled, and nobody had asked it to stop");  // no handler here does so by itself
  } else if (result == job::Result::released) {
    const bool free = run == nullptr || run->died || run->result == job::Result::cancelled;
    if (!free || (run != nullptr && run->active))
      fail("job " + id + " is given back though its handler " + (run->active ? "runs" : "ended"));
    if (run != nullptr && run->died && job.type == "mail.once")
      fail("job " + id + " runs at most once, and is given back though its host died while it ran");
    if (run == nullptr && ++job.given_back > most_given_back)
      fail("job " + id + " is claimed and given back again and again");
  }
  if (run != nullptr) job.given_back = 0;
}

void Ledger::count(const std::string& id, Job& job, int expected, const Row& row) {
  if (row.attempts != expected) {
    fail("job " + id + " has " + std::to_string(row.attempts) + " attempts, and was run " +
         std::to_string(expected) + " times");
  }
  job.attempts = row.attempts;
}

void Ledger::on_settled(const job::Settlement& settlement, const Row& row, bool claim_lives) {
  trace("settled", {{"job", row.id}, {"status", row.status}, {"attempts", row.attempts}});
  if (!claim_lives) return fail("a runtime whose receipt is gone wrote job " + row.id);
  Job& job = jobs_[row.id];
  if (!job.forgotten) {
    check_run(row.id, job, settlement);
    const Run* const run = last_run(job);
    if (run != nullptr) deadlines_.on_settled(settlement, {run->host, row.id, run->ticket}, run->died);
    blame_.on_settled(settlement, job.type, *job.runtime,
                      run == nullptr ? RunEnd::never_ran
                      : run->died    ? RunEnd::with_its_host
                                     : RunEnd::by_itself);
  }
  count(row.id, job, job.attempts + (settlement.refund ? 0 : 1), row);
  if (!settlement.refund) ++ended_;
  // A handler that asked for it, or that ended because it was asked to, is called again.
  const Run* const run = last_run(job);
  const bool stopped = run != nullptr && !run->active && run->result == job::Result::cancelled;
  if (settlement.refund && !stopped) ++job.may_start;
  if (!settlement.refund && stopped) --job.may_start;  // it had stopped too late
}

void Ledger::on_rescued(const Row& row) {
  count(row.id, jobs_[row.id], jobs_[row.id].attempts + 1, row);
}

void Ledger::on_effect(const std::string& job, const std::string& /*sql*/) {
  Job& one = jobs_[job];
  if (++one.effects > one.may_take_effect) fail("the effect of job " + job + " was committed twice");
}

void Ledger::on_follow_up(const std::string& job, const std::string& follow_up) {
  jobs_[follow_up].type = "mail.send";
  on_effect(job, follow_up);
}

void Ledger::on_line(std::string_view line, const std::vector<log::Field>& fields) {
  const auto value = [&](std::string_view key) {
    const auto field =
        std::find_if(fields.begin(), fields.end(), [&](const auto& f) { return f.key == key; });
    return field == fields.end() ? std::string() : field->value;
  };
  const Process& runtime = sched().current_process();
  blame_.on_line(runtime, line, value("plugin"));
  canaries_.on_line(runtime, line, value("plugin"), value("version"));
}

void Ledger::on_given(const Host& host, const std::string& id, int attempt) {
  canaries_.on_given(host, id, attempt);
}

void Ledger::on_fault(const Host& host, const std::string& id, std::optional<std::uint64_t> place) {
  trace("handler ends its host", {{"job", id}, {"noted", place ? "yes" : "no"}});
  blame_.on_fault(host, id, place);
}

void Ledger::on_start(const Host& host, const std::string& id, std::uint32_t ticket) {
  ++runs_;
  blame_.on_start(host, id);
  trace("handler starts", {{"job", id}});
  Job& job = jobs_[id];
  deadlines_.on_start({&host, id, ticket}, job.type);
  job.runs.push_back({&host.runtime(), &host, sched().now(), ticket});
  ++job.starts;
  if (job.type == "mail.once" && job.starts > job.may_start)
    fail("job " + id + " runs at most once, and was started again");
}

void Ledger::on_end(const Host& host, const std::string& id, std::uint32_t ticket, job::Result result) {
  trace("handler ends", {{"job", id}, {"result", job::name(result)}});
  blame_.on_end(host, id);
  deadlines_.on_end({&host, id, ticket});
  for (Run& run : jobs_[id].runs) {
    if (run.host != &host || run.ticket != ticket || !run.active) continue;
    run.active = false;
    run.result = result;
    // Its outcome need not be written: a runtime that stops may leave the job to others.
    if (result == job::Result::cancelled) ++jobs_[id].may_start;
  }
}

void Ledger::on_death(const Host& host) {
  blame_.on_death(host);
  for (auto& [id, job] : jobs_) {
    for (Run& run : job.runs) {
      if (run.host != &host || !run.active) continue;
      deadlines_.on_end({&host, id, run.ticket});
      run.active = false;
      run.died = true;
      run.result = job::Result::crashed;
    }
  }
}

void Ledger::check_enlisted(const Process& process, const std::set<store::RuntimeId>& enlisted) {
  const auto its = [&](const auto& one) { return one.second == &process && enlisted.contains(one.first); };
  if (std::none_of(runtimes_.begin(), runtimes_.end(), its))
    fail(process.name() + " is up, and not enlisted");
}

void Ledger::check_rows(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    const Job& job = jobs_[row.id];
    if (job.abandoned && row.status == "processing") continue;
    if (row.attempts != job.attempts) {
      return fail("job " + row.id + " is " + row.status + " and ends with " + std::to_string(row.attempts) +
                  " attempts; " + std::to_string(job.attempts) + " were counted");
    }
    const bool ran = std::any_of(job.runs.begin(), job.runs.end(), [](const Run& run) {
      return !run.active && run.result == job::Result::done;
    });
    if (row.status == "done" && !ran && !job.foreign)
      return fail("job " + row.id + " is done, and no handler was done with it");
  }
}

}  // namespace sluice::sim
