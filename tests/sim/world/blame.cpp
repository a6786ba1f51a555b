#include "world/blame.hpp"

#include <algorithm>

#include "fleet/tickets.hpp"

namespace sluice::sim {

namespace {

/// As docs/internals/hosts.md has it.
constexpr int poison_crashes = 3;
constexpr int poison_attempts = 2;

}  // namespace

Blame::Version Blame::version_of(const Host& host) {
  return {&host.runtime(), host.plugin(), host.version()};
}

void Blame::on_line(const Process& runtime, std::string_view line, const std::string& plugin) {
  if (line.starts_with("a second plugin host did not start")) {
    if (!died_unready_.contains(&runtime))
      fail_("jobs run beside others again, though all hosts became ready");
    without_solitude_.insert(&runtime);
  }
  if (line != "plugin replaced" && line != "plugin added") return;
  // It counts anew, even if the same file was loaded again.
  for (auto& [id, record] : records_) {
    std::erase_if(record.crashes, [&](const auto& one) {
      const auto& [process, name, version] = one.first.first;
      return process == &runtime && name == plugin;
    });
  }
}

void Blame::on_start(const Host& host, const std::string& job) {
  const Process* const runtime = &host.runtime();
  auto& running = running_[&host];
  records_[job].endings.erase(runtime);
  // One that became a suspect since it started runs twice, after a failover that lost its claim.
  const bool suspect = records_[job].suspect_of.contains(runtime);
  const bool beside =
      !running.empty() && (suspect || std::any_of(running.begin(), running.end(),
                                                  [](const Running& one) { return one.was_suspect; }));
  running.push_back({job, suspect});
  if (beside && !without_solitude_.contains(runtime))
    fail_("a job that may have ended a host runs beside others, as job " + job + " starts");
}

void Blame::on_end(const Host& host, const std::string& job) {
  std::erase_if(running_[&host], [&](const Running& one) { return one.job == job; });
  Record& record = records_[job];
  record.suspect_of.erase(&host.runtime());
  record.free.erase(&host.runtime());
}

void Blame::on_fault(const Host& host, const std::string& job, std::optional<std::uint64_t> place) {
  faults_[&host] = {job, place};
}

void Blame::on_death(const Host& host) {
  const Process* const runtime = &host.runtime();
  if (!host.was_ready()) died_unready_.insert(runtime);
  const auto running = running_.extract(&host);
  const auto fault = faults_.extract(&host);
  if (!running) return;
  const bool noted = fault && fault.mapped().place;
  for (const auto& [job, was_suspect] : running.mapped()) {
    Record& record = records_[job];
    Ending& ending = record.endings[runtime] = {};
    ending.host = &host;
    ending.at_fault = fault && fault.mapped().job == job;
    ending.alone = running.mapped().size() == 1;
    if (ending.at_fault) ending.place = fault.mapped().place;
    if (!host.told_to_stop() && (!noted || ending.at_fault)) record.suspect_of.insert(runtime);
    if (!ending.place) continue;
    const std::pair at(version_of(host), *ending.place);
    ++crashes_[at];
    ++record.crashes[at];
  }
}

void Blame::on_settled(const job::Settlement& settlement, const std::string& type, const Process& runtime,
                       RunEnd end) {
  const job::Outcome& outcome = settlement.outcome;
  const bool charged = outcome.code == fleet::poison_code ||
                       (outcome.result == job::Result::crashed && outcome.code == fleet::crash_code);
  if (charged && end == RunEnd::never_ran)
    return fail_("job " + settlement.id + " is charged for the end of a host, and no handler had it");
  const bool ended_otherwise =
      !charged && outcome.result != job::Result::released && outcome.result != job::Result::crashed;
  if (ended_otherwise) records_[settlement.id].suspect_of.erase(&runtime);
  if (end != RunEnd::with_its_host) return;
  Record& record = records_[settlement.id];
  const auto ending = record.endings.find(&runtime);
  if (ending == record.endings.end()) return;
  if (charged) return check_charge(settlement, type, runtime, record, ending->second);
  if (outcome.result == job::Result::released) check_free(settlement.id, runtime, record, ending->second);
}

void Blame::check_charge(const job::Settlement& settlement, const std::string& type, const Process& runtime,
                         Record& record, Ending& ending) {
  const std::string job = "job " + settlement.id;
  record.free.erase(&runtime);
  if (std::exchange(ending.charged, true)) return fail_(job + " is charged twice for one end of its host");
  const bool may_be_wrong = type == "mail.once" || ending.alone || without_solitude_.contains(&runtime);
  if (!ending.at_fault && !may_be_wrong)
    return fail_(job + " is charged for the end of its host, which was another one's fault");
  if (settlement.outcome.code == fleet::poison_code) return check_poison(settlement, ending);
  if (!ending.place) return;
  if (record.crashes[{version_of(*ending.host), *ending.place}] >= poison_crashes)
    fail_(job + " crashed at the same place again and again, and is not poison");
}

void Blame::check_poison(const job::Settlement& settlement, const Ending& ending) {
  const std::string job = "job " + settlement.id;
  if (!ending.place) return fail_(job + " is poison, and its host noted no place");
  const int crashes = crashes_[{version_of(*ending.host), *ending.place}];
  if (crashes < poison_crashes || settlement.attempt < poison_attempts) {
    return fail_(job + " is poison in its attempt " + std::to_string(settlement.attempt) + ", after " +
                 std::to_string(crashes) + " crashes at that place");
  }
  if (settlement.status != job::Status::error || settlement.delay)
    fail_(job + " is poison, and is to be tried again");
}

/// It is given back although it ran when its host ended.
void Blame::check_free(const std::string& id, const Process& runtime, Record& record, const Ending& ending) {
  if (!ending.at_fault || ending.host->told_to_stop()) return;
  if (ending.place) return fail_("job " + id + " ended its host, which noted that, and is given back");
  if (++record.free[&runtime] > 1)
    fail_("job " + id + " ended hosts of the same runtime again and again, and costs nothing");
}

}  // namespace sluice::sim
