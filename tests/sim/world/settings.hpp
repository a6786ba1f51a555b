// What a seed says of a world before it begins: how many runtimes there are and how they are configured, what
// the application does, and which faults will befall them. Only values.
#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "fibers/scheduler.hpp"

namespace sluice::sim {

enum class FaultKind {
  crash,       ///< the database server ends and starts again
  failover,    ///< the same, and the last commits are lost
  cut,         ///< a runtime does not reach the database
  fails,       ///< calls do not arrive
  loses,       ///< answers are lost
  slow,        ///< calls take long
  locks,       ///< the application holds locks on rows
  refusals,    ///< a trigger refuses outcomes
  host_dies,   ///< where a ticket is in some state
  host_hangs,  ///< a host stops for a while
  host_lies,   ///< a host breaks the protocol
  kill,        ///< a runtime is killed
  freeze,      ///< a runtime stops for a while, perhaps past its lease
  stop,        ///< a runtime is told to stop, once, twice or three times
  reload,      ///< a plugin file is replaced, by one that works or does not
  drain,       ///< another runtime drains and ends
  cancel,      ///< an operator cancels jobs
  burst,       ///< many jobs at once
  canary,      ///< a plugin file is replaced, and its new version gets a share of the jobs
  decide,      ///< an operator promotes a canary or has it go back, and may roll back
};
inline constexpr int fault_kinds = 20;
std::string_view name(FaultKind kind);

struct Fault {
  int number = 0;
  FaultKind kind = FaultKind::crash;
  Duration at{};  ///< since the beginning
  Duration lasts{};
  std::size_t target = 0;  ///< a runtime, modulo how many there are
  std::uint64_t seed = 0;  ///< for what else is to be chosen
};

struct Settings {
  std::uint64_t seed = 1;
  std::chrono::minutes weather{10};  ///< how long faults come
  Policy policy = Policy::random;
  std::size_t mean_run = 16;
  std::size_t runtimes = 1;
  config::Config config;
  bool marking = false;  ///< claims mark their rows at once, so that another program may drain the table too
  bool refuses_for_ever = false;  ///< a trigger refuses some outcomes, also in the calm
  Duration between_inserts{};
  std::vector<Duration> skews;  ///< of each runtime's wall clock
  std::vector<Fault> faults;

  /// As the seed says, without the faults of these numbers.
  static Settings of(std::uint64_t seed, std::chrono::minutes weather, const std::set<int>& without);
  /// From now on, plugin hosts are relieved after a few jobs or seconds.
  void recycle_hosts();

 private:
  /// Faults from this number on.
  void add_canaries(int number, const std::set<int>& without);
};

}  // namespace sluice::sim
