// The statements of the pumps that are made of parts, and what the pumps' sessions set.
#pragma once

#include <array>
#include <string>

#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

/// The numbers of lanes for which a statement is prepared. A request is padded to the next one.
inline constexpr std::array<std::size_t, 4> lane_counts{1, 2, 4, 8};

/// Statement `claim` for `lanes` lanes. With `mark` it also makes the rows `processing`.
std::string claim_statement(const TableName& table, std::size_t lanes, bool mark);

/// How many of the oldest pending rows are read before a search pays off.
inline constexpr int sweep_front = 2000;

std::string front_statement(const TableName& table);

/// The channel of NOTIFY on which runtimes announce.
inline constexpr const char* announcement_channel = "sluice_announcement";

/// Settings under which a statement of the pumps can only be planned along the right indexes, however stale
/// the statistics are. `scope` is "SET" or "SET LOCAL".
std::string pump_settings(const std::string& scope);

}  // namespace sluice::postgres
