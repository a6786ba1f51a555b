// Whether a failure is the statement's or the connection's. This is decided by whether the connection still
// works, not by the SQLSTATE, which a trigger or an effect may choose freely. Inside runtime/postgres only.
#pragma once

#include <optional>
#include <pqxx/pqxx>
#include <string>

#include "postgres/link/link.hpp"

namespace sluice::postgres {

/// The database's answer to a step that it refused.
struct Refusal {
  std::string state;    ///< SQLSTATE; empty if the driver does not tell
  std::string message;  ///< the server's message

  bool locked() const { return state == "55P03"; }
  /// The refusal may not be the step's fault: the server lacks some resource or is shutting down, or the
  /// table or a right is missing.
  bool may_be_the_servers() const;
};

/// True if a new statement gets an answer.
bool still_answers(pqxx::connection& connection);

/// Runs `step()`, which is a transaction; nullopt if it succeeded. If the connection is lost, throws on what
/// `step` throws.
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
