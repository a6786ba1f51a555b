// The SQL of the hot path, as texts made from the table's name.
#pragma once

#include <array>
#include <string>

#include "store/table_name.hpp"

namespace sluice::store {

/// The numbers of lanes for which a statement is prepared; a request is padded to the next one.
inline constexpr std::array<std::size_t, 5> lane_counts{0, 1, 2, 4, 8};

/// Marks rows done where they were left, deletes used-up claims, and claims for `lanes` lanes. Parameters:
/// places (tid), ids, claims and attempts of the settlements, the closing claims, the other claims that
/// settlements name, runtime, pump; then types, limit and cursor of each lane. Answers at least one row:
/// the number of settlements that applied, the new claim or null; then, when `lanes` is not 0, lane, id,
/// type, payload, attempts, createdAt and place of one claimed job, and whether the runtime is enlisted.
///
/// Where fewer settlements applied than were given, no claim is deleted: rows may have moved, and the
/// finish statement finds them.
std::string exchange_statement(const TableName& table, std::size_t lanes);

/// Marks rows done wherever they are and deletes used-up claims. Parameters: ids, claims and attempts of
/// the settlements, the closing claims, the other claims that settlements name, runtime. Answers how many
/// applied.
std::string finish_statement(const TableName& table);

/// Writes settlements that are more than "done". Parameters: runtime, closing claims, and arrays: ids,
/// claims, attempts, statuses, refunds, delays (microseconds or null), types, results, codes, errors,
/// log tails, outputs (JSON or null), durations (microseconds). Answers how many applied.
std::string settle_statement(const TableName& table);

/// Gives back, attempt refunded, the jobs of a pump's claims that are not in the list, and forgets
/// these claims. Parameters: runtime, pump, known claims.
std::string give_back_statement(const TableName& table);

/// Settings under which a statement of the pumps can only be planned along the right indexes, however
/// stale the statistics are. `scope` is "SET" or "SET LOCAL".
std::string pump_settings(const std::string& scope);

}  // namespace sluice::store
