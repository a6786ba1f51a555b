// Deleting old jobs in PostgreSQL.
#pragma once

#include "postgres/desk/jobs.hpp"

namespace sluice::postgres {

class PgPrunes : public PruneSession {
 public:
  PgPrunes(const ConnectionString& target, const TableName& table, const std::string& status,
           job::Microseconds older_than);

  Pruned prune(std::size_t limit) override;

 private:
  JobFilter filter_;
  Walk walk_;
  PgJobs jobs_;
};

}  // namespace sluice::postgres
