// What a dashboard asks of PostgreSQL.
#pragma once

#include <string>

#include "postgres/interface.hpp"
#include "postgres/link/link.hpp"
#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

class PgInsight : public InsightSession {
 public:
  PgInsight(const ConnectionString& target, const TableName& table);

  Series series(Time from, Time to, std::chrono::seconds step,
                const std::optional<std::string>& type) override;
  std::vector<TypeOverview> types() override;
  JobPage jobs(const JobQuery& query, Order order, const std::optional<JobKey>& after, std::size_t limit,
               const std::vector<std::vector<std::string>>& columns) override;
  JobCount count(const JobQuery& query) override;
  std::int64_t count_all(const JobQuery& query) override;
  std::vector<VersionOutcomes> versions(Time from, Time to, const std::string& type) override;
  std::string schema(const std::string& type) override;
  Failures failures(Time from, Time to) override;
  GroupJobs group_jobs(const std::string& type, const std::string& code,
                       const FailureLikeness& group) override;
  std::vector<Mark> marks(Time from, Time to) override;
  DatabaseState database() override;
  AuditPage audit(std::optional<std::int64_t> after, std::size_t limit) override;

 private:
  template <typename Step>
  auto ask(const std::string& what, Step&& step);

  const TableName table_;
  Link link_;
};

/// The settings of each transaction, for tests of plans too.
std::string insight_settings();

}  // namespace sluice::postgres
