// One run: a world made by its seed, its weather, and the calm after it, in which everything must be done.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "world/application.hpp"
#include "world/database.hpp"
#include "world/ledger.hpp"
#include "world/settings.hpp"
#include "world/site.hpp"

namespace sluice::sim {

/// What came of a run.
struct Report {
  std::uint64_t seed = 0;
  std::string violation;  ///< empty: none
  std::uint64_t digest = 0;
  std::uint64_t events = 0;
  std::uint64_t switches = 0;
  double virtual_seconds = 0;
  double cpu_seconds = 0;  ///< of the processor
  std::size_t jobs = 0;
  std::size_t runs = 0;
  std::size_t recalled = 0;
  std::map<std::string, std::uint64_t> faults;
  std::map<std::string, std::uint64_t> marks;
};

class World {
 public:
  World(const Settings& settings, const std::string& scratch);

  Report run();

 private:
  void direct();
  void befall(const Fault& fault);
  void befall_database(const Fault& fault);
  void fail_over(const Fault& fault);
  void begin_outage();
  void end_outage();
  void befall_host(const Fault& fault, Site& site);
  void befall_runtime(const Fault& fault, Site& site);
  void reload(const Fault& fault, Site& site);
  void begin_canary(const Fault& fault, Site& site);
  void decide_canary(const Fault& fault, const Site& site);
  static void kill_hosts_as_they_start(const Site& site, Random random);
  void work_again();
  void calm_down();
  void await_drained(std::chrono::minutes most);
  void try_each();
  std::string taken();
  void check_room();
  void close();
  bool has_moved(const store::MemoryStore::Row& row) const;
  std::string unfinished();

  const Settings settings_;
  Scheduler scheduler_;
  Ledger ledger_{settings_.config};
  Database database_;
  Application application_;
  Process process_{4, "weather"};
  std::vector<std::unique_ptr<Site>> sites_;
  std::map<std::string, std::uint64_t> faults_;
  int failing_over_ = 0;             // failovers under way
  int outages_ = 0;                  // reasons why the server is not there
  std::uint64_t refused_share_ = 0;  // rows whose outcomes are refused: one of so many; 0: none
};

}  // namespace sluice::sim
