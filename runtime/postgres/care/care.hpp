// The caretaker's statements in PostgreSQL. Each is short: it gives up if it would have to wait for a lock,
// and skips locked rows.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "postgres/interface.hpp"
#include "postgres/link/blockers.hpp"
#include "postgres/link/link.hpp"
#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

class PgCare : public CareSession {
 public:
  PgCare(const ConnectionString& target, const TableName& table);

  RuntimeId enlist(const RuntimeInfo& info) override;
  void serve(RuntimeId runtime, const std::vector<ServedType>& types) override;
  void leave(RuntimeId runtime, const Unfinished& unfinished) override;
  Promoted promote_due(std::size_t limit) override;
  Rescued rescue(const Judge& judge, const job::RetryPolicy& fallback) override;
  std::string blocker(const std::optional<std::string>& job) override;
  std::vector<std::string> paused_types() override;
  std::vector<std::string> cancel_requests(RuntimeId runtime) override;
  void publish(RuntimeId runtime, const std::vector<PluginReport>& plugins) override;
  void publish_settings(RuntimeId runtime, const std::string& settings) override;
  void show_running(RuntimeId runtime, const RunningChanges& changes) override;
  void count(const std::vector<OutcomeCount>& outcomes) override;
  void trace(RuntimeId runtime, const std::vector<Trace>& traces, job::Microseconds keep) override;
  void announce(const std::string& text) override;
  Tidied tidy(std::size_t limit, job::Microseconds keep_audit) override;

 private:
  /// A table of records, and how far it has been checked.
  struct Walk {
    const char* table;
    const char* key;   ///< the column that gives the order of the walk
    const char* type;  ///< type of that column
    std::string at{};  ///< the last key; empty: at the beginning
    bool over = false;
  };

  template <typename Step>
  auto at_once(std::string_view what, Step&& step);
  template <typename Step>
  auto in_transaction(std::string_view what, Step&& step);
  template <typename Step>
  auto without_waiting(std::string_view what, Step&& step);
  bool bury(const Judge& judge, Rescued& rescued);
  Promoted promote(std::size_t limit);
  std::string postpone();
  bool settle_buried(const job::RetryPolicy& fallback, std::size_t claims, Rescued& rescued);
  bool halve_buried(Rescued& rescued, const Refused& error);
  std::size_t tidy_keys(Walk& walk, std::size_t limit);
  std::size_t tidy_records(Walk& walk, std::size_t limit);

  const TableName table_;
  const Query query_;  // of who holds a lock; pages do not show it
  std::array<Walk, 5> walks_{{{"sluice.unique_key", "key", "text"},
                              {"sluice.attempt", "id", "bigint"},
                              {"sluice.schedule", "job_id", "text"},
                              {"sluice.output", "job_id", "text"},
                              {"sluice.follow_up", "job_id", "text"}}};
  Link link_;
};

}  // namespace sluice::postgres
