#include "world/settings.hpp"

#include <array>

#include "world/script.hpp"

namespace sluice::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

config::Config config_of(Random& random) {
  config::Config config;
  config.pumps = random.chance(0.3) ? 2 : 1;
  config.batch_max = static_cast<int>(random.between(1, 60));
  config.poll_interval = milliseconds(random.between(50, 500));
  config.processing_after = milliseconds(random.between(20, 500));
  config.heartbeat = milliseconds(random.between(500, 3000));
  config.lease = config.heartbeat * random.between(4, 8);
  config.start_timeout = seconds(random.between(2, 8));
  config.drain_timeout = milliseconds(random.between(500, 15000));
  config.cancel_grace = milliseconds(random.between(200, 3000));
  if (random.chance(0.3)) config.keep_done = seconds(random.between(20, 120));
  if (random.chance(0.3)) config.keep_traces = seconds(600);
  for (const char* plugin : {"mail", "pdf"}) {
    config.plugins[plugin].processes = static_cast<int>(random.between(1, 2));
    config.plugins[plugin].slots = static_cast<int>(random.between(1, 4));
    config.plugins[plugin].role = "reader";
  }
  return config;
}

/// Some jobs of each type take longer than the shortest of these.
void add_time_limits(config::Config& config, Random random) {
  for (const char* plugin : {"mail", "pdf"}) {
    for (const job::TypeSpec& type : spec_of(plugin, 1).types)
      config.types[type.name].timeout = milliseconds(random.between(1500, 12000));
  }
}

/// Those that are drawn one like the other.
constexpr int weather_kinds = static_cast<int>(FaultKind::burst) + 1;

Duration how_long(FaultKind kind, Random& random, Duration lease) {
  switch (kind) {
    case FaultKind::crash:
    case FaultKind::failover:
      return milliseconds(random.between(50, 8000));
    case FaultKind::cut:
    case FaultKind::freeze:
    case FaultKind::host_hangs:
      return Duration(
          static_cast<std::int64_t>(static_cast<double>(lease.count()) * 2.5 * random.fraction()));
    case FaultKind::locks:
      return milliseconds(random.between(10, 6000));
    default:
      return milliseconds(random.between(500, 20000));
  }
}

}  // namespace

std::string_view name(FaultKind kind) {
  static constexpr std::array<std::string_view, fault_kinds> names{
      "crash",    "failover",  "cut",        "fails",     "loses",  "slow",   "locks",
      "refusals", "host-dies", "host-hangs", "host-lies", "kill",   "freeze", "stop",
      "reload",   "drain",     "cancel",     "burst",     "canary", "decide"};
  return names.at(static_cast<std::size_t>(kind));
}

Settings Settings::of(std::uint64_t seed, std::chrono::minutes weather, const std::set<int>& without) {
  Random random(mix(seed, 2));
  Settings settings;
  settings.seed = seed;
  settings.weather = weather;
  settings.policy = static_cast<Policy>(random.below(3));
  settings.mean_run = std::size_t{1} << static_cast<unsigned>(random.between(0, 6));
  settings.runtimes = static_cast<std::size_t>(random.between(1, 5));
  settings.config = config_of(random);
  add_time_limits(settings.config, Random(mix(seed, 5)));
  settings.marking = random.chance(0.2);
  if (settings.marking) settings.config.processing_after = milliseconds(0);
  settings.refuses_for_ever = random.chance(0.25);
  settings.between_inserts = milliseconds(random.between(200, 3000));
  for (std::size_t i = 0; i < settings.runtimes; ++i)
    settings.skews.push_back(milliseconds(random.between(-2000, 2000)));
  const auto faults = static_cast<int>(weather.count() * random.between(1, 5));
  for (int number = 0; number < faults; ++number) {
    Fault fault;
    fault.number = number;
    fault.kind = static_cast<FaultKind>(random.below(weather_kinds));
    fault.at = Duration(random.between(0, Duration(weather).count()));
    fault.lasts = how_long(fault.kind, random, settings.config.lease);
    fault.target = random.below(60);
    fault.seed = random.next();
    if (!without.contains(number)) settings.faults.push_back(fault);
  }
  settings.add_canaries(faults, without);
  return settings;
}

/// Each lasts for a part of the weather, and half of them are decided by hand.
void Settings::add_canaries(int number, const std::set<int>& without) {
  Random random(mix(seed, 4));
  for (auto count = random.below(4); count > 0; --count) {
    Fault fault;
    fault.kind = FaultKind::canary;
    fault.number = number++;
    fault.at = Duration(random.between(0, Duration(weather).count()));
    fault.lasts = seconds(random.between(5, 90));
    fault.target = random.below(60);
    fault.seed = random.next();
    if (!without.contains(fault.number)) faults.push_back(fault);
    if (random.chance(0.5)) continue;
    fault.kind = FaultKind::decide;
    fault.number = number++;
    fault.at += milliseconds(random.between(0, 60000));
    fault.seed = random.next();
    if (!without.contains(fault.number)) faults.push_back(fault);
  }
}

void Settings::recycle_hosts() {
  for (auto& [name, plugin] : config.plugins) {
    plugin.limits.recycle_jobs = 20;
    plugin.limits.recycle_age = seconds(3);
  }
}

}  // namespace sluice::sim
