#include "world/database.hpp"

#include <algorithm>

#include "store/errors.hpp"
#include "world/trace.hpp"

namespace sluice::sim {

namespace {

constexpr double epoch = 1767225600;  // 2026

/// Thrown in a call whose server process ends.
struct Terminated {};

[[noreturn]] void refuse(const char* why) {
  throw store::Unavailable(std::string("the simulated database is not there: ") + why);
}

}  // namespace

Database::Database() {
  store_.set_clock([this] { return now(); });
  store_.set_pause([this](store::MemoryStore::Step step) { pause(step); });
}

double Database::now() const {
  return epoch + std::chrono::duration<double>(sched().now()).count();
}

bool Database::reaches(const Process& client) const {
  return !weather.down && !weather.cut_off.contains(client.id());
}

/// Most calls take a fraction of a millisecond, and some take many.
Duration Database::latency() {
  const double nines = sched().random().fraction();
  const double us = 40.0 / (1.0 - nines * 0.999);
  return Duration(static_cast<std::int64_t>(us * weather.slowness * 1000));
}

/// The server does something for that long. Throws if it is told to end what it does.
void Database::work(Duration time) {
  const auto serving = std::find_if(serving_.begin(), serving_.end(),
                                    [](const auto& one) { return one.first == sched().current(); });
  if (serving == serving_.end()) return sched().sleep(time);
  Call& call = *serving->second;
  const Time until = sched().now() + time;
  while (!call.terminated && sched().wait(call.changed, until)) {
  }
  if (call.terminated) throw Terminated{};
}

void Database::pause(store::MemoryStore::Step step) {
  if (step == store::MemoryStore::Step::waits) return work(std::chrono::milliseconds(5));
  if (sched().random().chance(0.5)) return work(latency());
  sched().yield();
  work({});
}

void Database::serve(const std::shared_ptr<Call>& call) {
  const Fiber* const self = sched().current();
  serving_.emplace_back(self, call);
  try {
    work(latency());
    call->body();
    if (call->terminated) call->broken = true;
  } catch (const Terminated&) {
    call->broken = true;
  } catch (...) {
    call->error = std::current_exception();
  }
  std::erase_if(serving_, [&](const auto& one) { return one.first == self; });
  call->over = true;
  sched().wake_all(call->changed);
}

void Database::run(const std::shared_ptr<Call>& call, Process& client, Time until) {
  sched().point();
  if (Trace::present().calls) trace("call", {{"call", call->name}});
  if (sched().now() >= until) refuse("the time of the stop is up");
  if (!reaches(client)) {
    const auto patience = std::chrono::milliseconds(sched().random().chance(0.3) ? 2000 : 20);
    sched().sleep(std::min<Duration>(patience, until - sched().now()));
    refuse("no connection");
  }
  if (sched().random().chance(weather.fails)) refuse("the request did not arrive");
  const bool loses = sched().random().chance(weather.loses);
  call->begun = true;
  open_.emplace_back(call, &client);
  sched().spawn(process_, [this, call] { serve(call); });
  if (loses) until = std::min(until, sched().now() + 2 * latency());
  constexpr std::chrono::seconds longest{60};
  until = std::min(until, sched().now() + longest);
  bool in_time = true;
  while (!call->over && !call->broken && in_time) in_time = sched().wait(call->changed, until);
  std::erase_if(open_, [&](const auto& one) { return one.first == call; });
  if (loses || call->broken) refuse("the connection was lost");
  if (!call->over) throw store::Unanswered("the simulated database did not answer in time");
  if (call->error) std::rethrow_exception(call->error);
}

void Database::lose(Call& call) {
  call.broken = true;
  sched().wake_all(call.changed);
}

void Database::cut_off(const Process& client) {
  weather.cut_off.insert(client.id());
  ++cuts_[client.id()];
  for (const auto& [call, whose] : open_) {
    if (whose == &client) lose(*call);
  }
}

void Database::crash() {
  ++crashes_;
  for (const auto& [fiber, call] : serving_) {
    call->terminated = true;
    sched().wake_all(call->changed);
  }
  for (const auto& [call, whose] : open_) lose(*call);
}

int Database::breaks(const Process& client) const {
  const auto cuts = cuts_.find(client.id());
  return crashes_ + (cuts == cuts_.end() ? 0 : cuts->second);
}

void Database::terminate(const std::shared_ptr<Call>& call) {
  call->terminated = true;
  sched().wake_all(call->changed);
  while (!call->over) sched().wait(call->changed);
}

}  // namespace sluice::sim
