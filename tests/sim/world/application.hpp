// The application that owns the table, by the statements of the guide: it inserts late and out of order,
// rolls back, tries failed jobs again, deletes old and pending ones, writes rows and holds locks. And another
// program that drains the same table, where claims are marked at once.
#pragma once

#include <string>

#include "fibers/scheduler.hpp"
#include "world/database.hpp"
#include "world/ledger.hpp"
#include "world/settings.hpp"

namespace sluice::sim {

class Application {
 public:
  Application(const Settings& settings, Database& database, Ledger& ledger);

  /// Begins its work, which goes on until stop().
  void start();
  void stop() { stopping_ = true; }
  /// Nothing that it began is under way.
  bool rests() const { return busy_ == 0; }

  /// Inserts so many jobs of all types at once.
  void insert(std::size_t count);
  /// Holds locks on some rows.
  void hold_locks(Duration time, std::uint64_t seed);
  /// Asks that some jobs be cancelled.
  void cancel_some(std::uint64_t seed);

 private:
  using Row = store::MemoryStore::Row;

  void work(void (Application::*step)(), Duration pause);
  void insert_some();
  void keep_house();
  void try_again();
  void clean_up();
  void erase_one();
  void write_one();
  void drain_some();
  void drain_one(const std::string& id);
  Row make_job();
  std::vector<Row> rows_in(const std::string& status) const;
  std::string some_row(const std::string& status);

  const Settings& settings_;
  Database& database_;
  Ledger& ledger_;
  Process process_{2, "application"};
  Random random_;
  bool stopping_ = false;
  int busy_ = 0;
  int last_job_ = 0;
};

}  // namespace sluice::sim
