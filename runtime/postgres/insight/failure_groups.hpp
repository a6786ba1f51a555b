// Failed attempts that look the same. Inside runtime/postgres only.
#pragma once

#include <pqxx/pqxx>
#include <string>
#include <string_view>

#include "postgres/interface.hpp"

namespace sluice::postgres {

Failures read_failures(pqxx::transaction_base& transaction, Time from, Time to);

std::string failures_statement(Time from, Time to);

/// An error's text without what differs from job to job: quoted values become '…', words with a digit become
/// #.
std::string likeness(std::string_view error);

}  // namespace sluice::postgres
