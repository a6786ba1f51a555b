#include "postgres/statements.hpp"

#include "postgres/sql.hpp"

namespace sluice::postgres {

namespace {

std::string parameter(std::size_t number) {
  return "$" + std::to_string(number);
}

}  // namespace

std::string claim_statement(const TableName& table, std::size_t lanes, bool mark) {
  std::string picks, taken;
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    const std::size_t first = 7 + 4 * lane;
    const Fillings fillings{{"lane", std::to_string(lane)},
                            {"types", parameter(first)},
                            {"limit", parameter(first + 1)},
                            {"cursor", parameter(first + 2)},
                            {"bytes", parameter(first + 3)}};
    picks += (lane > 0 ? ",\n" : "") + sql("claim_pick", table, fillings);
    taken += (lane > 0 ? "\n    UNION ALL " : "") + sql("claim_lane", table, fillings);
  }
  return sql("claim", table,
             {{"picks", picks},
              {"lanes", taken},
              {"mark", mark ? sql("claim_mark", table) : ""},
              {"jobs", mark ? "marked t" : sql("claim_jobs")}});
}

std::string front_statement(const TableName& table) {
  return sql("front", table, {{"sweep_front", std::to_string(sweep_front)}});
}

/// The planner would use the numbers of the last ANALYZE, but an outbox may go from empty to a million rows
/// and back between two of them. The pumps' statements have one good plan each: nested loops over index and
/// tid scans. The server's JIT compiler would only cost time.
std::string pump_settings(const std::string& scope) {
  std::string sql = scope + " plan_cache_mode = force_generic_plan";
  for (const char* method :
       {"enable_indexscan", "enable_indexonlyscan", "enable_tidscan", "enable_nestloop"}) {
    sql += "; " + scope + " " + method + " = on";
  }
  for (const char* method : {"enable_seqscan", "enable_bitmapscan", "enable_sort", "enable_incremental_sort",
                             "enable_hashjoin", "enable_mergejoin", "jit"}) {
    sql += "; " + scope + " " + method + " = off";
  }
  return sql;
}

}  // namespace sluice::postgres
