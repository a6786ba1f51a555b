// Finishing in PostgreSQL: one statement for a batch of jobs that are plainly done, one more for what
// is more than that.
#pragma once

#include "store/pg_session.hpp"
#include "store/store.hpp"
#include "store/table_name.hpp"

namespace sluice::store {

class PgFinishes : public FinishSession {
 public:
  PgFinishes(const ConnectionString& target, const TableName& table);

  std::size_t finish(const std::vector<job::Settlement>& settlements,
                     const std::vector<std::int64_t>& closing) override;
  Committed commit(const std::vector<job::Settlement>& settlements) override;
  std::vector<std::int64_t> living(const std::vector<std::int64_t>& claims) override;

 private:
  std::optional<Rejected> commit_one(pqxx::work& work, const job::Settlement& settlement,
                                     std::size_t& applied);
  static void enqueue(pqxx::transaction_base& transaction, const job::FollowUp& job);
  static void execute(pqxx::transaction_base& transaction, const job::Effect& effect,
                      const std::string& role);

  // All of these return how many settlements applied.
  std::size_t write(const std::vector<job::Settlement>& special,
                    const std::vector<const job::Settlement*>& plain,
                    const std::vector<std::int64_t>& closing);
  std::size_t mark_done(pqxx::transaction_base& transaction, const std::vector<const job::Settlement*>& plain,
                        const std::vector<std::int64_t>& closing);
  std::size_t settle(pqxx::transaction_base& transaction, const std::vector<job::Settlement>& settlements,
                     const std::string& closing);
  std::size_t settle_singly(const std::vector<job::Settlement>& settlements, const std::string& closing);
  std::size_t settle_one(job::Settlement settlement, const std::string& closing);

  PgSession session_;
};

}  // namespace sluice::store
