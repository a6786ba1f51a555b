#include "postgres/link/session.hpp"

#include <chrono>
#include <utility>

#include "base/threads.hpp"
#include "postgres/link/exec.hpp"
#include "postgres/link/text.hpp"
#include "postgres/statements.hpp"

namespace sluice::postgres {

PgSession::PgSession(const ConnectionString& target, std::vector<Statement> statements, std::string setting,
                     std::string on_open)
    : statements_(std::move(statements)),
      setting_(std::move(setting)),
      on_open_(std::move(on_open)),
      link_(target, [this](pqxx::connection& connection) { open(connection); }) {}

std::string PgSession::settings(const std::string& scope) const {
  std::string sql = pump_settings(scope);
  if (!setting_.empty()) sql.append("; ").append(scope).append(" ").append(setting_);
  return sql;
}

void PgSession::begin(pqxx::transaction_base& transaction) {
  link_.limit(transaction);
  if (link_.pooled()) transaction.exec(settings("SET LOCAL"));
}

void PgSession::open(pqxx::connection& connection) {
  ++connections_;
  lose_backend();
  if (link_.pooled()) return;
  pqxx::nontransaction session(connection);
  session.exec(settings("SET"));
  if (!on_open_.empty()) session.exec(on_open_);
  remember_backend(session);
  prepared_.assign(statements_.size(), false);
}

/// Prepared at its first use, because preparing needs the table's lock. So a missing object is the
/// statement's own error, and does not prevent the connection.
void PgSession::prepare(pqxx::transaction_base& transaction, std::size_t index) {
  if (prepared_[index]) return;
  transaction.conn().prepare(statements_[index].name, statements_[index].sql);
  prepared_[index] = true;
}

void PgSession::remember_backend(pqxx::transaction_base& transaction) {
  const pqxx::result backend = transaction.exec(
      "SELECT pg_backend_pid(), date_part('epoch', backend_start) FROM "
      "pg_stat_get_activity(pg_backend_pid())");
  if (backend.empty()) return;
  backend_ = Backend{backend[0][0].as<int>(), text_of(backend[0][1])};
}

void PgSession::lose_backend() {
  if (backend_) lost_.push_back(*std::exchange(backend_, std::nullopt));
}

void PgSession::end_lost_backend(pqxx::connection& connection) {
  for (; !lost_.empty(); lost_.pop_back()) end(connection, lost_.back());
}

/// If we lack the right to end it, it has to stay.
void PgSession::end(pqxx::connection& connection, const Backend& backend) {
  constexpr int most_looks = 50;
  for (int look = 0; look < most_looks; ++look) {
    pqxx::nontransaction session(connection);
    try {
      const auto alive = exec(session,
                              "SELECT pg_terminate_backend(pid) FROM pg_stat_get_activity($1::int) "
                              "WHERE date_part('epoch', backend_start) = $2::float8",
                              std::to_string(backend.pid), backend.started);
      if (alive.empty()) return;
    } catch (const pqxx::insufficient_privilege&) {
      return;
    }
    base::sleep_for(std::chrono::milliseconds(100));
  }
}

}  // namespace sluice::postgres
