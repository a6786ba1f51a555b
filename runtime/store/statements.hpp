// The SQL of the hot path, as texts made from the table's name.
#pragma once

#include <array>
#include <string>

#include "store/table_name.hpp"

namespace sluice::store {

/// The numbers of lanes for which a statement is prepared; a request is padded to the next one.
inline constexpr std::array<std::size_t, 4> lane_counts{1, 2, 4, 8};

/// Claims for `lanes` lanes. Parameters: runtime, pump; then types, limit, cursor and bytes of each lane.
/// Answers at least one row: the claim or null, whether the runtime is enlisted, the time, and lane, id,
/// type, payload, attempts, createdAt and place of one claimed job.
std::string claim_statement(const TableName& table, std::size_t lanes);

/// Locks rows for `lanes` lanes. Parameters and answer as of claim_statement, with null as the claim and the
/// coming attempt as attempts.
std::string brief_claim_statement(const TableName& table, std::size_t lanes);

/// Marks locked rows done, counting the attempt. Parameter: places.
std::string brief_done_statement(const TableName& table);

/// Writes that locked rows can't be claimed: status error, and an attempt with the code claim-refused.
/// Parameters: place, id, error, runtime. Answers a row where it did.
std::string unclaimable_statement(const TableName& table);

/// Makes a claim of locked rows. Parameters: runtime, pump, places. Answers the claim, and id and place of
/// each row; nothing where there are none.
std::string brief_keep_statement(const TableName& table);

/// Locks rows that are still pending. Parameters: ids and coming attempts. Answers id and place of each.
std::string brief_relock_statement(const TableName& table);

/// How many of the oldest pending rows are looked at before a search pays.
inline constexpr int sweep_front = 2000;

/// Whether it is best to walk from the oldest row to those of the types $1: one of them is among the oldest
/// sweep_front pending rows, or no more are pending, or no index finds types.
std::string front_statement(const TableName& table);

/// The oldest pending row's "createdAt" of the types $1, or null, how many rows of them are pending, and the
/// time. To be planned under search_settings().
std::string search_statement(const TableName& table);

/// Settings, of a transaction, under which a search is planned for its types, goes by the index on type, that
/// on status or both, and gives up after a second.
std::string search_settings();

/// Marks rows done where their claim left them, and deletes used-up claims. Parameters: places (tid), ids,
/// claims and attempts of the settlements, the closing claims, the other claims that settlements name.
/// Answers how many settlements applied and, where these are fewer than were given, their numbers from 1 on.
/// In that case no claim is deleted: rows may have moved, and the next statement finds them.
std::string finish_in_place_statement(const TableName& table);

/// Marks rows done wherever they are, unless a later claim names them, and deletes used-up claims.
/// Parameters: ids and claims of the settlements, the closing claims, the others.
/// Answers how many settlements applied, and their numbers.
std::string finish_statement(const TableName& table);

/// Writes settlements that are more than "done", and those that are not, too; waits for no row. Parameters:
/// closing claims, and arrays: ids, claims, attempts, statuses, refunds, delays (microseconds or null),
/// types, results, codes, errors, log tails, outputs (JSON or null), durations (microseconds), places (tid),
/// ids as the claims name them. Answers the numbers of those that applied and of those whose row is locked by
/// somebody, null where there are none; deletes no claim.
std::string settle_statement(const TableName& table);

/// Locks the rows of settlements until the transaction ends, and holds their claims; waits for no row.
/// Parameters: ids, claims, and ids as the claims name them. Answers the numbers, from 1 on, of those that it
/// locked and of those whose row is locked by somebody, null where there are none.
std::string hold_statement(const TableName& table);

/// Where the rows of jobs are whose id was changed while they ran. Parameters, arrays: ids, attempts, types
/// and times of creation as cursor_text() has them. Answers, for each that was found, its number from 1 on,
/// the new id, and whether several rows may be the one.
std::string renamed_statement(const TableName& table);

/// Gives back, attempt refunded, the jobs of a pump's claims that are not in the list, and forgets
/// these claims. Parameters: runtime, pump, known claims.
std::string give_back_statement(const TableName& table);

/// Makes jobs pending whose schedule is due, at most $1. Answers how many schedules were used up, how many
/// were put off because somebody has locked the job, the id of one of these jobs, and in how many seconds the
/// next schedule is due, null where there is none.
std::string promote_statement(const TableName& table);

/// Counts what is not done, by type and status. Parameter: how many rows of each status are looked at, at
/// most. Answers type, status, count and the age of the oldest in seconds.
std::string depths_statement(const TableName& table);

/// The channel of NOTIFY on which runtimes announce.
inline constexpr const char* announcement_channel = "sluice_announcement";

/// Settings under which a statement of the pumps can only be planned along the right indexes, however
/// stale the statistics are. `scope` is "SET" or "SET LOCAL".
std::string pump_settings(const std::string& scope);

}  // namespace sluice::store
