// Commits the follow-up jobs and effects of plugins with their jobs, in PostgreSQL. A session runs nothing
// else, and nothing that a plugin's statement leaves behind outlives its job.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/threads.hpp"
#include "postgres/finishing/refusal.hpp"
#include "postgres/finishing/settlement_texts.hpp"
#include "postgres/interface.hpp"
#include "postgres/link/session.hpp"
#include "postgres/link/table_name.hpp"
#include "postgres/link/time_limit.hpp"

namespace sluice::postgres {

class PgEffects : public EffectSession {
 public:
  PgEffects(const ConnectionString& target, const TableName& table, std::chrono::microseconds limit);

  std::vector<Unwritten> commit(const std::vector<job::Settlement>& settlements) override;

 private:
  using Clock = base::Clock;

  void commit(const Settlements& settlements, std::size_t first, std::vector<Unwritten>& unwritten);
  std::optional<Refusal> refusal_of_commit(const Settlements& settlements, Settled& settled);
  std::optional<Refusal> attempts(pqxx::connection& connection, const Settlements& settlements,
                                  Settled& settled);
  Settled transact(pqxx::connection& connection, const Settlements& settlements);
  Settled hold(pqxx::transaction_base& transaction, const Settlements& settlements);
  void settle(pqxx::transaction_base& transaction, const Settlements& settlements);
  void enqueue(pqxx::transaction_base& transaction, const Settlements& settlements);
  void run_effects(pqxx::transaction_base& transaction, const job::Settlement& settlement);
  void execute(pqxx::transaction_base& transaction, const std::string& role, const job::Effect& effect);
  void check_function(pqxx::transaction_base& transaction, const std::string& role);
  void seal(pqxx::transaction_base& transaction, const std::string& role);
  void note_settings(pqxx::transaction_base& transaction);
  void leave_pool(pqxx::transaction_base& transaction);
  void limit_time(pqxx::transaction_base& transaction) const;
  void clean(pqxx::connection& connection);

  const std::string hold_;
  const std::string settle_;
  const std::string renamed_;
  const std::chrono::microseconds limit_;
  PgSession session_;
  Clock::time_point deadline_{};  ///< of the present transaction
  std::string names_, values_;    ///< settings of a session that a pool lends, as arrays
  bool cut_ = false;              ///< the connection was closed because a statement did not end
  TimeLimit time_limit_;
};

}  // namespace sluice::postgres
