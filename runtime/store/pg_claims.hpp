// The hot path in PostgreSQL: one statement marks a batch done and claims the next one.
#pragma once

#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "store/connection_string.hpp"
#include "store/pg_link.hpp"
#include "store/store.hpp"
#include "store/table_name.hpp"

namespace sluice::store {

class PgClaims : public ClaimSession {
 public:
  PgClaims(const ConnectionString& target, const TableName& table, RuntimeId runtime, int pump);

  Exchanged exchange(const ExchangeRequest& request) override;
  std::vector<std::int64_t> reconcile(const std::vector<std::int64_t>& known) override;

 private:
  struct Backend {  ///< a server process; numbers alone are used again
    int pid = 0;
    std::string started;
  };

  void prepare(pqxx::connection& connection);
  [[noreturn]] void throw_fenced() const;
  void end_lost_backend(pqxx::connection& connection);
  std::size_t settle(pqxx::transaction_base& transaction, const std::vector<job::Settlement>& settlements,
                     const std::string& closing);
  std::size_t settle_singly(const std::vector<job::Settlement>& settlements, const std::string& closing);
  std::size_t settle_one(job::Settlement settlement, const std::string& closing);
  Exchanged finish_and_claim(pqxx::transaction_base& transaction, const ExchangeRequest& request,
                             const std::vector<const job::Settlement*>& plain, const std::string& closing);
  Exchanged run(const ExchangeRequest& request, const std::vector<job::Settlement>& special,
                const std::vector<const job::Settlement*>& plain);
  template <typename Step>
  auto in_transaction(pqxx::connection& connection, bool atomic, Step&& step);
  template <typename... Parameters>
  pqxx::result execute(pqxx::transaction_base& transaction, const char* name, const std::string& sql,
                       const Parameters&... parameters);

  const RuntimeId runtime_;
  const int pump_;
  const std::string finish_sql_;
  const std::string settle_sql_;
  const std::string give_back_sql_;
  std::vector<std::string> exchange_sql_;  ///< by index into lane_counts
  std::optional<Backend> backend_;         ///< of the current or the last connection
  std::optional<Backend> lost_;            ///< may still be at work on a statement whose answer was lost
  Link link_;
};

}  // namespace sluice::store
