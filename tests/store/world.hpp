// A store under test and its environment: the application that owns the table, and time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/memory_store.hpp"
#include "store/store.hpp"
#include "support/test_database.hpp"

namespace sluice::test {

using Row = store::MemoryStore::Row;

class World {
 public:
  virtual ~World() = default;
  virtual store::Store& store() = 0;
  virtual void put(const Row& row) = 0;
  virtual std::optional<Row> row(const std::string& id) = 0;
  virtual void erase(const std::string& id) = 0;
  virtual void set_status(const std::string& id, const std::string& status) = 0;
  virtual void advance(std::chrono::seconds time) = 0;
  virtual std::string output(const std::string& id) = 0;
  virtual bool scheduled(const std::string& id) = 0;
};

class MemoryWorld : public World {
 public:
  store::Store& store() override { return store_; }
  void put(const Row& row) override { store_.put(row); }
  std::optional<Row> row(const std::string& id) override { return store_.row(id); }
  void erase(const std::string& id) override { store_.erase(id); }
  void set_status(const std::string& id, const std::string& status) override;
  void advance(std::chrono::seconds time) override { store_.advance(time); }
  std::string output(const std::string& id) override { return store_.output(id).value_or(""); }
  bool scheduled(const std::string& id) override { return store_.scheduled(id); }

 private:
  store::MemoryStore store_;
};

/// A new initialised database.
class PostgresWorld : public World {
 public:
  explicit PostgresWorld(const std::string& table = "public.Outbox");

  store::Store& store() override { return *store_; }
  void put(const Row& row) override;
  std::optional<Row> row(const std::string& id) override;
  void erase(const std::string& id) override;
  void set_status(const std::string& id, const std::string& status) override;
  void advance(std::chrono::seconds time) override;
  std::string output(const std::string& id) override;
  bool scheduled(const std::string& id) override;

  TestDatabase& database() { return database_; }
  /// Inserts `count` rows that were created one millisecond apart.
  void fill(int count, const std::string& type, const std::string& status, const std::string& prefix);

 private:
  TestDatabase database_;
  std::string table_;  ///< quoted
  std::unique_ptr<store::Store> store_;
};

constexpr job::Microseconds keep_audit = std::chrono::hours(24);

// Helpers for nearly every test.
std::vector<store::LaneRequest> claim_request(std::vector<std::string> types, int limit);
job::Settlement settlement(const job::Job& job, job::Status status = job::Status::done,
                           job::Result result = job::Result::done);
std::vector<std::string> ids_of(const store::Claimed& claimed);
store::RuntimeInfo runtime_info();

}  // namespace sluice::test
