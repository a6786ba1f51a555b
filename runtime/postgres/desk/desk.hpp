// What commands ask of PostgreSQL.
#pragma once

#include <set>

#include "postgres/interface.hpp"
#include "postgres/link/link.hpp"
#include "postgres/link/table_name.hpp"
#include "postgres/schema/grants.hpp"

namespace sluice::postgres {

class PgDesk : public DeskSession {
 public:
  PgDesk(const ConnectionString& target, const TableName& table, std::vector<std::string> effect_roles,
         bool wake, Grants grants = {});

  std::vector<std::string> init() override;
  std::vector<std::string> set_indexes(Indexes wanted) override;
  void check_schema() override;
  Enqueued enqueue(const EnqueueRequest& request) override;
  Report report(bool exact) override;
  Report activity() override;
  Aggregate aggregate(std::chrono::seconds since) override;
  std::vector<QueueDepth> depths(std::size_t most) override;
  std::vector<Failure> recent_failures(std::size_t limit) override;

 private:
  bool can_run_effects(const std::string& role);
  std::vector<std::string> grant();
  std::vector<std::string> lacking_roles();
  bool has_wake_trigger();
  std::string set_wake_trigger();
  struct Present {
    bool outbox = false;
    std::set<int> migrations;
  };
  Present present();
  std::string where() const;
  void refuse_newer(const Present& found) const;
  void run_piece(const std::string& sql);
  bool try_piece(const std::string& sql);

  const TableName table_;
  const std::vector<std::string> effect_roles_;
  const bool wake_;
  const Grants grants_;
  Link link_;
};

}  // namespace sluice::postgres
