// The SQL of an upsert: a pure function of the configuration.
#pragma once

#include <string>

#include "config.hpp"

namespace data_sync {

/// Takes one parameter, $1: a batch of rows as a JSON array. Of rows with the same key the last counts; a
/// row that holds what is there already is not touched. Rows are written in the order of their keys, so that
/// two jobs at a time don't wait for each other in a circle.
std::string upsert(const DatabaseTarget& target);

/// The same, returning one row: how many were inserted, and how many updated.
std::string counted_upsert(const DatabaseTarget& target);

/// A column's value of a record as JSON, with what PostgreSQL could not hold refused: see row_of.
std::string database_row(const rapidjson::Value& record, const DatabaseTarget& target,
                         const std::string& place);

}  // namespace data_sync
