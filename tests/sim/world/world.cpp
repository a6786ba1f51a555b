#include "world/world.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <ctime>
#include <functional>

#include <boost/asio/signal_set.hpp>

#include "fleet/reload_inbox.hpp"
#include "world/trace.hpp"

namespace sluice::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// After the last fault, no longer time passes without a job that ends, until all have.
constexpr minutes most_calm{2};

Time begin() {
  return std::chrono::hours(1000);
}

}  // namespace

World::World(const Settings& settings, const std::string& scratch)
    : settings_(settings),
      scheduler_({settings.seed, settings.policy, settings.mean_run}),
      application_(settings_, database_, ledger_) {
  database_.store().set_watcher(&ledger_);
  database_.store().set_marking(settings.marking);
  database_.store().set_refusing([this](const job::Settlement& settlement) {
    return refused_share_ != 0 && mix(std::hash<std::string>()(settlement.id)) % refused_share_ == 0 &&
           settlement.outcome.code != "outcome-refused";
  });
  Host::watch(&ledger_);
  Trace::present().reader = [this](std::string_view line, const auto& fields) {
    ledger_.on_line(line, fields);
  };
  for (std::size_t i = 0; i < settings.runtimes; ++i)
    sites_.push_back(std::make_unique<Site>(settings_, i, scratch, database_, ledger_));
}

Report World::run() {
  const std::clock_t started = std::clock();
  sched().spawn(process_, [this] { direct(); });
  sched().run();
  Report report;
  report.seed = settings_.seed;
  report.violation = ledger_.violation().value_or("");
  const Trace& trace = Trace::present();
  report.digest = trace.digest();
  report.events = trace.events();
  report.marks.insert(trace.marks().begin(), trace.marks().end());
  report.switches = sched().switches();
  report.virtual_seconds = std::chrono::duration<double>(sched().now() - begin()).count();
  report.cpu_seconds = static_cast<double>(std::clock() - started) / CLOCKS_PER_SEC;
  report.jobs = ledger_.jobs();
  report.runs = ledger_.runs();
  report.faults = faults_;
  const auto recalled = report.marks.find("tickets: the answer of a recalled job");
  report.recalled = recalled == report.marks.end() ? 0 : recalled->second;
  return report;
}

void World::direct() {
  for (const auto& site : sites_) site->open();
  application_.start();
  for (const Fault& fault : settings_.faults) {
    sched().spawn(process_, [this, fault] {
      sched().sleep(fault.at);
      trace("fault", {{"number", fault.number}, {"kind", name(fault.kind)}});
      ++faults_[std::string(name(fault.kind))];
      befall(fault);
    });
  }
  sched().sleep(settings_.weather);
  calm_down();
  await_drained(most_calm);
  application_.insert(60);
  await_drained(most_calm);
  try_each();
  close();
  sched().stop();
}

void World::befall(const Fault& fault) {
  Site& site = *sites_[fault.target % sites_.size()];
  switch (fault.kind) {
    case FaultKind::host_dies:
    case FaultKind::host_hangs:
    case FaultKind::host_lies:
      return befall_host(fault, site);
    case FaultKind::kill:
    case FaultKind::freeze:
    case FaultKind::stop:
    case FaultKind::reload:
    case FaultKind::canary:
    case FaultKind::decide:
    case FaultKind::drain:
    case FaultKind::cut:
      return befall_runtime(fault, site);
    case FaultKind::locks:
      return application_.hold_locks(fault.lasts, fault.seed);
    case FaultKind::cancel:
      return application_.cancel_some(fault.seed);
    case FaultKind::burst:
      return application_.insert(50 + fault.seed % 200);
    default:
      return befall_database(fault);
  }
}

void World::begin_outage() {
  ++outages_;
  database_.weather.down = true;
  database_.crash();
}

/// Another one may be under way.
void World::end_outage() {
  if (--outages_ == 0) database_.weather.down = false;
}

/// Nobody is connected while the last commits get lost.
void World::fail_over(const Fault& fault) {
  ++failing_over_;
  const auto before = database_.store().tables();
  sched().sleep(milliseconds(Random(fault.seed).between(1, 800)));
  begin_outage();
  sched().sleep(fault.lasts);
  database_.store().restore(*before);
  ledger_.forgotten(database_.store().rows());
  end_outage();
  --failing_over_;
}

void World::befall_database(const Fault& fault) {
  Random random(fault.seed);
  Database::Weather& weather = database_.weather;
  if (fault.kind == FaultKind::crash) {
    begin_outage();
    sched().sleep(fault.lasts);
    end_outage();
  } else if (fault.kind == FaultKind::failover) {
    fail_over(fault);
  } else if (fault.kind == FaultKind::fails) {
    weather.fails = 0.3 * random.fraction();
    sched().sleep(fault.lasts);
    weather.fails = 0;
  } else if (fault.kind == FaultKind::loses) {
    weather.loses = 0.3 * random.fraction();
    weather.slowness = std::array{1.0, 1.0, 100.0, 3000.0}.at(random.below(4));  // it may go on for long
    sched().sleep(fault.lasts);
    weather.loses = 0;
    weather.slowness = 1;
  } else if (fault.kind == FaultKind::slow) {
    weather.slowness = std::array{10.0, 100.0, 1000.0, 10000.0}.at(random.below(4));
    sched().sleep(fault.lasts);
    weather.slowness = 1;
  } else {
    refused_share_ = 1 + random.below(4);
    sched().sleep(fault.lasts);
    refused_share_ = 0;
  }
}

void World::befall_host(const Fault& fault, Site& site) {
  if (site.process() == nullptr) return;
  const auto hosts = Host::of(*site.process());
  if (hosts.empty()) return;
  Random random(fault.seed);
  const std::shared_ptr<Host> host = hosts[random.below(hosts.size())];
  if (fault.kind == FaultKind::host_lies) return host->lie();
  if (fault.kind == FaultKind::host_dies) {
    const auto doom = static_cast<Doom>(random.below(5));
    if (doom == Doom::none) return host->die(SIGKILL);
    return host->doom(doom);
  }
  sched().freeze(*host);
  sched().sleep(fault.lasts);
  sched().thaw(*host);
}

void World::befall_runtime(const Fault& fault, Site& site) {
  Process* const process = site.process();
  if (fault.kind == FaultKind::drain) return site.drain();
  if (process == nullptr) return;
  if (fault.kind == FaultKind::reload) return reload(fault, site);
  if (fault.kind == FaultKind::canary) return begin_canary(fault, site);
  if (fault.kind == FaultKind::decide) return decide_canary(fault, site);
  if (ledger_.canaries().has(*process)) Trace::present().mark("canary: something befalls its runtime");
  const bool in_transactions = fault.seed % 3 == 0;  // that the application has with the runtime's rows
  if (in_transactions && fault.kind != FaultKind::cut)
    application_.hold_locks(2 * settings_.config.lease + fault.lasts, fault.seed);
  if (fault.kind == FaultKind::kill) return site.kill();
  if (fault.kind == FaultKind::freeze) {
    site.freeze();
    sched().sleep(fault.lasts);
    return site.thaw();
  }
  if (fault.kind == FaultKind::cut) {
    database_.cut_off(*process);
    sched().sleep(fault.lasts);
    database_.weather.cut_off.erase(process->id());
    return;
  }
  Random random(fault.seed);
  for (auto times = random.between(1, 3); times > 0; --times) {
    send_signal(*process, SIGTERM);
    sched().sleep(milliseconds(random.between(0, 3000)));
  }
}

void World::reload(const Fault& fault, Site& site) {
  Random random(fault.seed);
  const char* plugin = random.chance(0.5) ? "mail" : "pdf";
  const std::array how{"ok", "ok", "ok", "refused", "slow", "dies", "hangs", "lingers"};
  site.write_plugin(plugin, how.at(random.below(how.size())));
  if (site.process() != nullptr) send_signal(*site.process(), SIGHUP);
}

void World::begin_canary(const Fault& fault, Site& site) {
  Random random(fault.seed);
  const std::array how{"ok", "ok", "crashes", "fails", "fails", "fails", "slow", "slow", "refused", "dies"};
  site.write_plugin(random.chance(0.7) ? "mail" : "pdf", how.at(random.below(how.size())));
  fleet::ReloadRequest request;
  request.plan.share = std::array{0.05, 0.25, 0.5}.at(random.below(3));
  request.plan.longest = std::chrono::duration_cast<seconds>(fault.lasts);
  request.plan.least_jobs = random.between(0, 10);
  send_reload_request(*site.process(), request);
}

/// And soon after, one rolls back now and then, and another one reloads, though no file has changed.
void World::decide_canary(const Fault& fault, const Site& site) {
  fleet::ReloadRequest request;
  request.what =
      fault.seed % 4 == 0 ? fleet::ReloadRequest::What::promote : fleet::ReloadRequest::What::abort;
  if (fault.seed % 4 == 0) ledger_.canaries().on_promoted_by_hand(*site.process());
  send_reload_request(*site.process(), request);
  sched().sleep(seconds(2));
  const bool rolls_back = fault.seed % 2 == 0;
  if (rolls_back && site.process() != nullptr) {
    send_reload_request(*site.process(), {fleet::ReloadRequest::What::rollback, {}});
    sched().sleep(seconds(2));
  }
  if (fault.seed / 2 % 2 == 0) kill_hosts_as_they_start(site, Random(fault.seed));
  if (site.process() != nullptr) send_signal(*site.process(), SIGHUP);
}

/// So it matters which file is started then.
void World::kill_hosts_as_they_start(const Site& site, Random random) {
  for (int times = 0; times < 3 && site.process() != nullptr; ++times) {
    for (const auto& host : Host::of(*site.process())) host->die(SIGKILL);
    sched().sleep(milliseconds(random.between(1, 60)));
  }
}

/// Until the end, all runtimes are made to load the plugins that work. A canary prevents that as long as it
/// is under way, and so does a round.
void World::work_again() {
  sched().spawn(process_, [this] {
    for (;;) {
      for (const auto& site : sites_) {
        if (site->process() == nullptr) continue;
        if (ledger_.canaries().has(*site->process()))
          send_reload_request(*site->process(), {fleet::ReloadRequest::What::abort, {}});
        send_signal(*site->process(), SIGHUP);
      }
      sched().sleep(seconds(5));
    }
  });
}

/// From now on nothing bad happens, and what happened is over.
void World::calm_down() {
  trace("calm");
  while (failing_over_ > 0) sched().sleep(milliseconds(100));
  application_.stop();
  database_.weather = {};
  refused_share_ = settings_.refuses_for_ever ? 2 : 0;
  for (const auto& site : sites_) {
    site->thaw();
    for (const char* plugin : {"mail", "pdf"}) site->write_plugin(plugin, "ok");
    if (site->process() == nullptr) continue;
    for (const auto& host : Host::of(*site->process())) sched().thaw(*host);
  }
  work_again();
}

/// It was read, and has changed since, because this fiber may be held up between two looks.
bool World::has_moved(const store::MemoryStore::Row& row) const {
  const auto now = database_.store().row(row.id);
  return now && (now->status != row.status || now->attempts != row.attempts);
}

/// What keeps the work from being done.
std::string World::unfinished() {
  if (!application_.rests()) return "the application is at work";
  for (const auto& row : database_.store().rows()) {
    const bool waits = row.status == "pending" || row.status == "processing" || row.status == "scheduled" ||
                       (row.status == "error" && (database_.store().scheduled(row.id) || has_moved(row)));
    if (!waits || (row.status == "processing" && ledger_.is_abandoned(row.id))) continue;
    std::string what = "job " + row.id + " of type " + row.type + " is " + row.status;
    for (const std::string& line : database_.store().left_over({})) {
      if (line.find(row.id) != std::string::npos) what += "; " + line.substr(0, line.find(':'));
    }
    return what;
  }
  return {};
}

/// Jobs end one after the other, however many wait; `most` is the longest time in which none does.
void World::await_drained(minutes most) {
  Time until = sched().now() + most;
  std::size_t ended = ledger_.ended();
  while (!unfinished().empty()) {
    if (ledger_.ended() > ended) until = sched().now() + most;
    ended = ledger_.ended();
    if (sched().now() >= until)
      return ledger_.fail("for " + std::to_string(most.count()) +
                          " minutes of calm, no job ended, and not everything is done: " + unfinished());
    sched().sleep(milliseconds(500));
  }
  ledger_.check_rows(database_.store().rows());
}

/// Each runtime does the work alone while the others are frozen, so none of them idles for ever.
void World::try_each() {
  for (const auto& site : sites_) {
    for (const auto& other : sites_) {
      if (other != site) other->freeze();
    }
    application_.insert(10);
    await_drained(most_calm);
    for (const auto& other : sites_) other->thaw();
  }
}

/// What takes room, tickets or hosts of a runtime.
std::string World::taken() {
  for (const auto& site : sites_) {
    if (site->process() == nullptr || site->engine() == nullptr) continue;
    const int taken = site->engine()->load().taken;
    std::size_t tickets = 0;
    for (const auto& host : Host::of(*site->process())) tickets += host->tickets();
    const std::string crowd = site->crowd();
    if (!crowd.empty()) return crowd;
    if (taken != 0 || tickets != 0)
      return std::to_string(taken) + " jobs take room of " + site->process()->name() + ", whose hosts have " +
             std::to_string(tickets) + " tickets";
  }
  return {};
}

/// When all jobs have ended, some that were taken away may still run, for a while. Then nothing takes room.
void World::check_room() {
  const Time until = sched().now() + minutes(1);
  while (!taken().empty()) {
    if (sched().now() >= until) return ledger_.fail("nothing is under way, and " + taken());
    sched().sleep(milliseconds(500));
  }
}

/// When the last lost runtime has been rescued.
void World::close() {
  sched().sleep(2 * settings_.config.lease + seconds(5));
  const auto enlisted = database_.store().enlisted();
  for (const auto& site : sites_) {
    if (site->process() != nullptr) ledger_.check_enlisted(*site->process(), enlisted);
  }
  check_room();
  for (const auto& site : sites_) site->close();
  const Time until = sched().now() + minutes(2);
  const auto is_closed = [](const auto& site) { return site->is_closed(); };
  while (!std::all_of(sites_.begin(), sites_.end(), is_closed)) {
    if (sched().now() >= until) return ledger_.fail("a runtime did not stop within two minutes");
    sched().sleep(milliseconds(500));
  }
  const auto left = database_.store().left_over({});
  if (!left.empty()) ledger_.fail("a side table is not empty at the end: " + left.front());
}

}  // namespace sluice::sim
