// The SQL of the hot path, as texts made from the table's name.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

/// Of a row `o` that a claim names, the attempt that runs: it is counted when the row is marked, or with its
/// outcome.
inline constexpr std::string_view this_attempt =
    "CASE WHEN o.status IS NOT DISTINCT FROM 'pending' THEN least(o.attempts, 2147483646) + 1 ELSE "
    "o.attempts END";

/// `sql` with {outbox}, {now} and the fragments that several statements share filled in.
std::string filled(std::string sql, const TableName& table);

/// The numbers of lanes for which a statement is prepared; a request is padded to the next one.
inline constexpr std::array<std::size_t, 4> lane_counts{1, 2, 4, 8};

/// Claims for `lanes` lanes: locks rows, and records them as a row of sluice.claim; with `mark` makes them
/// `processing` as well. Parameters: runtime, pump, whether the rows are marked, whether the commit is waited
/// for; the claims that were open at the last look, and the oldest transaction that may have recorded others
/// since; then types, limit, cursor and bytes of each lane. Answers a row with, in this order, null, the new
/// claim or null, the transaction and the claims for the next look, 1 where the runtime is enlisted, the
/// time, null; and then lane, id, type, payload, attempt, createdAt and place of each claimed job.
std::string claim_statement(const TableName& table, std::size_t lanes, bool mark);

/// Makes claimed rows `processing` that are pending, and counts the attempt; waits for no row. Parameters:
/// ids, claims and times of creation; and the claims of which all jobs are marked then. Answers the numbers,
/// from 1 on, of those that it marked, and their places.
std::string mark_statement(const TableName& table);

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
/// Parameters: ids and claims of the settlements, the closing claims, the others, and the times of creation.
/// Answers the numbers, from 1 on, of those that applied, and of those that are ours and that the table holds
/// back: their claims stay.
std::string finish_statement(const TableName& table);

/// Writes settlements that are more than "done", and those that are not, too; waits for no row. Parameters:
/// closing claims, and arrays: ids, claims, attempts, statuses, refunds, delays (microseconds or null),
/// types, results, codes, errors, log tails, outputs (JSON or null), durations (microseconds), places (tid),
/// ids as the claims name them, times of creation. Answers the numbers of those that applied, of those whose
/// row is locked by somebody, and of those that the table holds back, null where there are none; deletes no
/// claim.
std::string settle_statement(const TableName& table);

/// Locks the rows of settlements until the transaction ends, and holds their claims; waits for no row.
/// Parameters: ids, claims, ids as the claims name them, and times of creation. Answers the numbers, from 1
/// on, of those that it locked and of those whose row is locked by somebody, null where there are none; and
/// null.
std::string hold_statement(const TableName& table);

/// Where the rows of jobs are whose id was changed while they ran. Parameters, arrays: ids, attempts, types
/// and times of creation as cursor_text() has them. Answers, for each that was found, its number from 1 on,
/// the new id, and whether several rows may be the one.
std::string renamed_statement(const TableName& table);

/// Forgets a pump's claims that are not in the list, and gives the jobs back, attempt refunded, that are
/// marked. Parameters: runtime, pump, known claims.
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

}  // namespace sluice::postgres
