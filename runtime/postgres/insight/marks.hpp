// What may explain a change in outcomes. Inside runtime/postgres only.
#pragma once

#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "postgres/interface.hpp"

namespace sluice::postgres {

std::vector<Mark> read_marks(pqxx::transaction_base& transaction, Time from, Time to);

/// The SQL that finds versions that took over from others.
std::string version_marks_statement(Time from, Time to);

}  // namespace sluice::postgres
