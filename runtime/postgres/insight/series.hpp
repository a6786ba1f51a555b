// Outcomes in the course of time, from sluice.minute and its sums in sluice.total. Inside runtime/postgres
// only.
#pragma once

#include <map>
#include <optional>
#include <pqxx/pqxx>
#include <string>

#include "postgres/interface.hpp"

namespace sluice::postgres {

/// Throws Refused if the series would have too many steps.
Series read_series(pqxx::transaction_base& transaction, Time from, Time to, std::chrono::seconds step,
                   const std::optional<std::string>& type);

/// The outcomes of the last hour, by type.
std::map<std::string, Outcomes> read_last_hour(pqxx::transaction_base& transaction);

/// The minutes, or the hours, of a type from `from` to `to`, as SQL, whose parameter is the type. Minutes are
/// read if they are wanted and kept; `all` types are one then, whose name is empty.
std::string outcome_rows(Time from, Time to, bool hours, bool all);
/// Whether outcomes from then on are kept by the hour only.
bool only_hours_since(Time from);

/// The SQL of a series of such rows.
std::string series_statement(const std::string& key, const std::string& rows);

}  // namespace sluice::postgres
