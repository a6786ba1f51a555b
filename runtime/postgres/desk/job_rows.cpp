#include "postgres/desk/job_rows.hpp"

#include "base/text.hpp"
#include "postgres/link/table_name.hpp"
#include "postgres/link/text.hpp"

namespace sluice::postgres {

std::string moment(const std::string& utc) {
  return "CASE WHEN isfinite(" + utc + ") THEN to_char(" + utc +
         R"(, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') END, date_part('epoch', now()) - date_part('epoch', )" + utc +
         ")";
}

std::string summary_columns() {
  return "o.id, o.type, o.status, o.attempts, " + moment("o.\"createdAt\"") + ", " +
         moment("o.\"updatedAt\"") + ", " + moment("(s.due AT TIME ZONE 'UTC')") +
         ", a.attempt, a.result, a.code, a.error, " + moment("(a.at AT TIME ZONE 'UTC')");
}

Moment moment_of(const pqxx::row& row, int first) {
  return {text_of(row[first]), parse_double(text_of(row[first + 1]))};
}

JobSummary summary_of(const pqxx::row& row) {
  JobSummary job{text_of(row[0]),
                 text_of(row[1]),
                 text_of(row[2]),
                 row[3].as<int>(),
                 moment_of(row, 4),
                 moment_of(row, 6),
                 {},
                 {}};
  if (!row[9].is_null()) job.due = moment_of(row, 8);
  if (row[10].is_null()) return job;
  job.failure.emplace();
  job.failure->number = row[10].as<int>();
  job.failure->result = text_of(row[11]);
  job.failure->code = text_of(row[12]);
  job.failure->error = text_of(row[13]);
  job.failure->at = moment_of(row, 14);
  return job;
}

std::string constants(const std::vector<std::string>& texts) {
  std::string list;
  for (const auto& text : texts) {
    list += (list.empty() ? "" : ", ") + quoted_literal(base::valid_utf8(text));
  }
  return list;
}

}  // namespace sluice::postgres
