// What the handlers of a simulated host do with their jobs.
#include <csignal>

#include "world/host.hpp"

namespace sluice::sim {

namespace {

/// Where jobs of poison end their process: at one of two places, so several jobs crash at the same one.
std::uint64_t place_of(const std::string& id) {
  constexpr std::uint64_t places = 2;
  return 0x1000 + 16 * (static_cast<unsigned char>(id.back()) % places);
}

}  // namespace

/// The thread of the handler notes who it was, and its stack, before its process ends.
void Host::crash(const Order& order, std::uint64_t place) {
  page_.header().crashed_slot = static_cast<std::int32_t>(order.slot);
  wire::StackCell& cell = page_.stack(order.slot);
  if (cell.begin(SIGSEGV, 0)) {
    cell.add(place, path_.c_str());
    cell.end();
  }
  watcher_->on_fault(*this, order.id, place);
  die(SIGSEGV);
  sched().yield();  // from which it never returns
}

/// A system call, or a thread of the plugin's own, ends the process.
void Host::vanish(const Order& order) {
  watcher_->on_fault(*this, order.id, std::nullopt);
  die(SIGKILL);
  sched().yield();
}

job::Outcome Host::run(const Order& order) {
  job::Outcome outcome;
  if (!runs_to_its_end(order)) {
    outcome.result = job::Result::cancelled;
    return outcome;
  }
  misbehave(order);
  switch (order.script.deed) {
    case Deed::output:
      outcome.output = "{\"by\":\"" + order.id + "\"}";
      break;
    case Deed::retry:
      if (order.attempt == 1) outcome.result = job::Result::retry;
      break;
    case Deed::fail:
      outcome.result = job::Result::fail;
      break;
    case Deed::snooze:
      if (sched().random().chance(0.5)) break;
      outcome.result = job::Result::snooze;
      outcome.delay = std::chrono::milliseconds(sched().random().between(1, 3000));
      break;
    case Deed::effect:
      outcome.effects.push_back({"effect of " + order.id, {}});
      break;
    case Deed::follow_up:
      outcome.follow_ups.push_back({"mail.send", Script{}.payload(), std::chrono::microseconds(0), {}});
      break;
    default:
      break;
  }
  const bool ends_well = outcome.result == job::Result::done || outcome.result == job::Result::snooze;
  if (ends_well && file_ == "fails") {
    outcome = {};
    outcome.result = job::Result::retry;
  }
  if (outcome.result != job::Result::done && outcome.result != job::Result::snooze)
    outcome.error = "as its payload says";
  return outcome;
}

/// Ends the process, if the job or the version of the plugin has it so.
void Host::misbehave(const Order& order) {
  constexpr std::uint64_t versions_place = 0x2000;
  switch (order.script.deed) {
    case Deed::crash:
      if (order.attempt == 1) crash(order, 0x100);
      break;
    case Deed::vanish:
      if (order.attempt == 1) vanish(order);
      break;
    case Deed::poison:
      crash(order, place_of(order.id));
      break;
    case Deed::doomed:
      vanish(order);
      break;
    default:
      if (file_ == "crashes" && sched().random().chance(0.3)) crash(order, versions_place);
  }
}

/// False if the handler was asked to stop, and does.
bool Host::runs_to_its_end(const Order& order) {
  const bool obeys = order.script.deed != Deed::stubborn;
  constexpr std::chrono::milliseconds look{50};
  if (order.script.deed == Deed::hang && order.attempt == 1) sched().sleep(std::chrono::hours(10));
  for (auto left = order.script.takes; left.count() > 0; left -= look) {
    sched().sleep(std::min<Duration>(left, look));
    if (obeys && page_.ticket(order.ticket).cancel != 0) return false;
  }
  return true;
}

}  // namespace sluice::sim
