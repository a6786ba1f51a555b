// Whether what went wrong is the statement's or the connection's: decided by whether the connection still
// works, not by the SQLSTATE, which a trigger or an effect may make up. Inside runtime/postgres only.
#pragma once

#include <optional>
#include <pqxx/pqxx>
#include <string>

#include "postgres/link/link.hpp"

namespace sluice::postgres {

/// What the database said to a step that it did not take.
struct Refusal {
  std::string state;    ///< SQLSTATE; empty where the driver does not tell
  std::string message;  ///< the server's words

  bool locked() const { return state == "55P03"; }
  /// It may say nothing against the step: the server is out of something, goes away, or the table or a right
  /// is missing.
  bool may_be_the_servers() const;
};

/// True when a new statement has its answer.
bool still_answers(pqxx::connection& connection);

/// Runs `step()`, a transaction of its own; none when it went well. Throws on what `step` throws where the
/// connection is lost.
template <typename Step>
std::optional<Refusal> refusal_of(pqxx::connection& connection, Step&& step) {
  try {
    step();
    return std::nullopt;
  } catch (const pqxx::failure& error) {
    if (!still_answers(connection)) throw;
    return Refusal{sql_state(error), server_message(error.what())};
  }
}

}  // namespace sluice::postgres
