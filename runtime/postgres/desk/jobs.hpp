// Single jobs in PostgreSQL.
#pragma once

#include <set>

#include "postgres/care/care.hpp"
#include "postgres/desk/audit.hpp"
#include "postgres/desk/job_statements.hpp"
#include "postgres/interface.hpp"
#include "postgres/link/link.hpp"
#include "postgres/link/table_name.hpp"
#include "store/job_desk.hpp"

namespace sluice::postgres {

class PgJobs : public JobDesk {
 public:
  /// `fallback`: as for CareSession::rescue.
  PgJobs(const ConnectionString& target, const TableName& table, const job::RetryPolicy& fallback);

  void act_as(const Actor& actor) override { audit_.act_as(actor); }
  void record(const std::string& action, const Details& details,
              const std::vector<std::string>& ids) override;
  Listing list(const JobFilter& filter, std::size_t limit, bool deep) override;
  std::optional<JobDetails> show(const std::string& id) override;
  std::int64_t count(const JobFilter& filter) override;
  std::vector<Changed> retry(const std::vector<std::string>& ids) override;
  std::vector<Changed> cancel(const std::vector<std::string>& ids) override;
  std::vector<Changed> remove(const std::vector<std::string>& ids) override;
  std::size_t retry_some(const JobFilter& filter, Walk& walk, std::size_t limit) override;
  std::size_t remove_some(const JobFilter& filter, Walk& walk, std::size_t limit) override;
  std::size_t give_up_some(const JobFilter& filter, Walk& walk, std::size_t limit) override;
  bool pause(const std::string& type, const std::string& reason) override;
  bool resume(const std::string& type) override;

 private:
  void wake();
  Listing look(pqxx::transaction_base& transaction, const std::string& statement);
  Listing list_within_bounds(pqxx::transaction_base& transaction, const JobFilter& filter, std::size_t limit);
  std::vector<JobState> states(const std::string& ids);
  /// What a call changed, and its row of sluice.audit.
  struct Done {
    std::vector<Changed> jobs;
    std::int64_t audit = 0;
  };
  Done change(const std::string& action, const std::string& statement, const std::vector<std::string>& ids);
  std::set<std::string> request_cancel(const std::vector<std::string>& ids, std::int64_t audit);
  void rescue();
  /// The next batch of a walk.
  struct Batch {
    const char* action;
    const JobFilter& filter;
    BatchChange change;
    std::size_t limit;
  };
  std::size_t step(const Batch& batch, Walk& walk);
  std::size_t step(pqxx::connection& connection, const Batch& batch, Walk& walk);
  std::size_t change_next(pqxx::transaction_base& transaction, const Batch& batch, Walk& walk);
  std::size_t change_alike(pqxx::transaction_base& transaction, const Batch& batch, Walk& walk);
  std::vector<Relative> relatives(pqxx::transaction_base& transaction, const std::string& id,
                                  const char* statement);
  std::vector<Attempt> attempts(pqxx::transaction_base& transaction, const std::string& id);
  std::optional<DoneRun> done_run(pqxx::transaction_base& transaction, const std::string& id);

  const TableName table_;
  const job::RetryPolicy fallback_;
  const bool limited_;  // each statement
  std::string wanted_;  // one of the jobs that the present call changes
  Link link_;
  PgCare care_;
  Audit audit_;
};

}  // namespace sluice::postgres
