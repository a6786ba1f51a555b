// What the sessions of a pump share: prepared statements, if the connection can keep them, and ending a
// statement whose answer was lost. Inside runtime/postgres only.
#pragma once

#include <cstddef>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "postgres/link/exec.hpp"
#include "postgres/link/link.hpp"

namespace sluice::postgres {

struct Statement {
  std::string name;
  std::string sql;
};

class PgSession {
 public:
  /// `setting`, such as "lock_timeout = '1s'", is an additional setting of this session. `on_open` runs on
  /// each new connection that belongs to the session alone.
  PgSession(const ConnectionString& target, std::vector<Statement> statements, std::string setting = "",
            std::string on_open = "");

  Link& link() { return link_; }
  /// How many connections it has had. What was learnt about the server on an earlier one may concern another
  /// server.
  int connections() const { return connections_; }
  const Link& link() const { return link_; }

  /// Runs statement number `index` of the constructor's.
  template <typename... Parameters>
  pqxx::result execute(pqxx::transaction_base& transaction, std::size_t index,
                       const Parameters&... parameters) {
    const Statement& statement = statements_[index];
    if (link_.pooled()) return exec(transaction, statement.sql, parameters...);
    prepare(transaction, index);
    return exec_prepared(transaction, statement.name, parameters...);
  }

  /// Runs `step(transaction)`, in its own transaction if it is `atomic`, that is, of several statements.
  template <typename Step>
  auto in_transaction(pqxx::connection& connection, bool atomic, Step&& step) {
    if (!atomic && !link_.pooled()) {
      pqxx::nontransaction transaction(connection);
      return step(transaction);
    }
    pqxx::work transaction(connection);
    begin(transaction);
    auto answer = step(transaction);
    transaction.commit();
    return answer;
  }

  /// Begins a transaction. If the session can't keep settings, sets them.
  void begin(pqxx::transaction_base& transaction);
  /// All settings that the session has in addition to those of Link. `scope` is "SET" or "SET LOCAL".
  std::string settings(const std::string& scope) const;

  /// Through a pool: remembers the server process of the present transaction, which may outlive its client.
  void remember_backend(pqxx::transaction_base& transaction);
  void lose_backend();

  /// After a lost connection, before the statement is repeated: ends the server processes of old connections,
  /// which may not have noticed the loss and could still commit.
  void end_lost_backend(pqxx::connection& connection);

 private:
  struct Backend {  ///< a server process; a number alone may be reused
    int pid = 0;
    std::string started;
  };

  void open(pqxx::connection& connection);
  void prepare(pqxx::transaction_base& transaction, std::size_t index);
  static void end(pqxx::connection& connection, const Backend& backend);

  const std::vector<Statement> statements_;
  std::vector<bool> prepared_;  ///< which of them the connection has prepared
  const std::string setting_;
  const std::string on_open_;
  int connections_ = 0;
  std::optional<Backend> backend_;  ///< of the present or the last connection
  std::vector<Backend> lost_;       ///< may still execute a statement whose answer was lost
  Link link_;
};

}  // namespace sluice::postgres
