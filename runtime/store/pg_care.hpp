// The caretaker's statements in PostgreSQL.
#pragma once

#include "store/pg_link.hpp"
#include "store/store.hpp"
#include "store/table_name.hpp"

namespace sluice::store {

class PgCare : public CareSession {
 public:
  PgCare(const ConnectionString& target, const TableName& table);

  RuntimeId enlist(const RuntimeInfo& info) override;
  void serve(RuntimeId runtime, const std::vector<ServedType>& types) override;
  bool beat(RuntimeId runtime) override;
  void leave(RuntimeId runtime, const Unwritten& unwritten) override;
  std::size_t promote_due(std::size_t limit) override;
  Rescued rescue(std::chrono::seconds lease, const job::RetryPolicy& fallback) override;
  std::vector<std::string> cancel_requests(RuntimeId runtime) override;
  void publish(RuntimeId runtime, const std::vector<PluginReport>& plugins) override;
  void show_running(RuntimeId runtime, const RunningChanges& changes) override;
  void count(const std::vector<Throughput>& outcomes) override;
  void announce(const std::string& text) override;
  std::size_t tidy(std::size_t limit) override;

 private:
  std::size_t tidy_keys(std::size_t limit);
  std::size_t tidy_side_table(const std::string& table, std::size_t limit);

  const TableName table_;
  Link link_;
};

}  // namespace sluice::store
