// Outcomes in the course of time, from sluice.minute and sluice.hour. Inside runtime/postgres only.
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

/// The SQL of a series.
std::string series_statement(const std::string& key, const std::string& from, const std::string& to);

}  // namespace sluice::postgres
