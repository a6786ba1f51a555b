#include "postgres/care/heart.hpp"

#include <string>

#include "postgres/link/exec.hpp"
#include "postgres/sql.hpp"

namespace sluice::postgres {

namespace {

/// A beat need not survive a crash of the server, nor wait for a standby.
std::string limits(const std::string& scope, std::chrono::milliseconds patience) {
  const std::string time = " = '" + std::to_string(patience.count()) + "ms'; ";
  return scope + " statement_timeout" + time + scope + " lock_timeout" + time + scope +
         " synchronous_commit = off";
}

}  // namespace

PgHeart::PgHeart(const ConnectionString& target, std::chrono::milliseconds patience)
    : patience_(patience), link_(target, [this](pqxx::connection& connection) {
        if (!link_.pooled()) pqxx::nontransaction(connection).exec(limits("SET", patience_));
      }) {}

std::optional<double> PgHeart::beat(RuntimeId runtime) {
  if (row_.runtime != runtime) row_ = {runtime, 0, 0};
  return link_.use(
      "beat",
      [&](pqxx::connection& connection) {
        if (!link_.pooled()) {
          pqxx::nontransaction session(connection);
          return beat(session, runtime);
        }
        pqxx::work work(connection);
        link_.limit(work);
        work.exec(limits("SET LOCAL", patience_));
        const auto at = beat(work, runtime);
        work.commit();
        return at;
      },
      patience_);
}

std::optional<double> PgHeart::beat(pqxx::transaction_base& transaction, RuntimeId runtime) {
  constexpr double microseconds = 1e6;
  const auto rows = exec(transaction, sql("beat"), std::to_string(runtime), std::to_string(row_.started_at),
                         std::to_string(row_.beat_at));
  if (rows.empty()) return std::nullopt;
  row_.started_at = rows[0][0].as<std::int64_t>();
  row_.beat_at = rows[0][1].as<std::int64_t>();
  return static_cast<double>(row_.beat_at) / microseconds;
}

}  // namespace sluice::postgres
