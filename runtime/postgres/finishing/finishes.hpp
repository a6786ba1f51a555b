// Finishing in PostgreSQL: one statement for a batch of jobs that are simply done, and one more for other
// outcomes. A batch that the database refuses is halved until the settlement at fault is alone.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>

#include "base/threads.hpp"
#include "postgres/finishing/refusal.hpp"
#include "postgres/finishing/settlement_texts.hpp"
#include "postgres/interface.hpp"
#include "postgres/link/session.hpp"
#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

class PgFinishes : public FinishSession {
 public:
  PgFinishes(const ConnectionString& target, const TableName& table);

  std::vector<Unwritten> finish(const std::vector<job::Settlement>& settlements,
                                const std::vector<std::int64_t>& closing) override;
  std::vector<Unwritten> finish_with_care(const std::vector<job::Settlement>& settlements,
                                          const std::vector<std::int64_t>& closing) override;
  std::vector<std::string> mark(const std::vector<job::Ref>& jobs,
                                const std::vector<std::int64_t>& filled) override;
  std::vector<std::int64_t> living(const std::vector<std::int64_t>& claims) override;
  void surrender(const std::vector<std::int64_t>& claims) override;

 private:
  using Clock = base::Clock;

  /// Settlements to be written in parts.
  struct Work {
    Settlements settlements;
    std::deque<job::Settlement> replaced;  ///< instead of some of the given ones
    std::vector<Unwritten> unwritten;
    std::size_t written = 0;
    std::size_t refused = 0;          ///< refusals that may be the server's fault
    std::optional<Refusal> whatever;  ///< the reason of the first of these
  };
  /// Some of its settlements, as indices.
  using Part = std::vector<std::size_t>;

  static Work work_on(const std::vector<job::Settlement>& settlements);
  std::vector<Unwritten> at_once(pqxx::connection& connection, const Settlements& settlements,
                                 const std::vector<std::int64_t>& closing);
  std::vector<Unwritten> in_parts(pqxx::connection& connection, Work& work,
                                  const std::vector<std::int64_t>& closing);
  void write(pqxx::connection& connection, Work& work, const Part& part);
  void write_halves(pqxx::connection& connection, Work& work, const Part& part, const Refusal& refusal);
  void write_single(pqxx::connection& connection, Work& work, std::size_t index, Refusal refusal);
  void refuse(Work& work, std::size_t index, const Refusal& refusal);
  void close(pqxx::connection& connection, const Work& work, std::vector<std::int64_t> closing);
  Settled settle(pqxx::transaction_base& transaction, const Settlements& settlements,
                 const std::string& closing);
  Settled settle_once(pqxx::transaction_base& transaction, const Settlements& settlements,
                      const std::string& closing);
  static void forget(pqxx::transaction_base& transaction, const std::vector<std::int64_t>& claims,
                     const Settlements& settlements, const Settled& settled);
  void settle_renamed(pqxx::transaction_base& transaction, const Settlements& settlements,
                      const std::string& closing, Settled& settled);
  Settled mark_done(pqxx::transaction_base& transaction, const Settlements& plain,
                    std::vector<std::int64_t> closing);
  template <typename Look>
  std::string blocker(pqxx::connection& connection, Look&& look);
  [[noreturn]] void give_up(const std::string& why, const Refusal& refusal);

  const TableName table_;
  const std::string renamed_;
  PgSession session_;
  Clock::time_point careful_until_{};  ///< no waiting for rows until then, because some are locked
};

}  // namespace sluice::postgres
