// Brief jobs in PostgreSQL: one transaction from the lock to the outcome.
#pragma once

#include <memory>

#include "store/pg_session.hpp"
#include "store/store.hpp"
#include "store/sweep_start.hpp"
#include "store/table_name.hpp"

namespace sluice::store {

class PgBriefs : public BriefSession {
 public:
  PgBriefs(const ConnectionString& target, const TableName& table, RuntimeId runtime, int pump);
  ~PgBriefs() override;

  Claimed claim(const std::vector<LaneRequest>& lanes) override;
  Kept end(const std::vector<job::Job>& done, const std::vector<job::Job>& kept) override;
  std::map<std::string, std::string> relock(const std::vector<job::Job>& jobs,
                                            const std::vector<std::int64_t>& known) override;

 private:
  void begin(pqxx::connection& connection);
  Claimed lock(const std::vector<LaneRequest>& lanes);
  void mark(const std::vector<job::Job>& done);
  Kept keep(const std::vector<job::Job>& jobs);
  template <typename Work>
  auto use(std::string_view what, Work&& work);

  const RuntimeId runtime_;
  const int pump_;
  PgSession session_;
  SweepStart sweep_start_;
  std::unique_ptr<pqxx::work> open_;  ///< holds the locks
};

}  // namespace sluice::store
