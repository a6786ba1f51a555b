#include "store/claim_rows.hpp"

#include <string_view>

#include "base/text.hpp"
#include "store/pg_text.hpp"

namespace sluice::store {

namespace {

ClaimedJob claimed_job(const pqxx::row& row) {
  ClaimedJob claimed;
  claimed.lane = row[3].as<std::size_t>();
  claimed.job.id = text_of(row[4]);
  claimed.job.type = text_of(row[5]);
  claimed.job.payload = text_of(row[6]);
  claimed.job.attempt = row[7].as<int>();
  claimed.job.created_at = parse_double(text_of(row[8]));
  claimed.job.place = text_of(row[9]);
  if (!row[0].is_null()) claimed.job.claim = row[0].as<std::int64_t>();
  return claimed;
}

}  // namespace

Claimed read_claimed(const pqxx::result& rows, RuntimeId runtime, const std::string& where, bool unencoded) {
  if (!rows[0][1].as<bool>()) throw_fenced(runtime, where);
  Claimed claimed;
  claimed.asked_at = parse_double(text_of(rows[0][2]));
  if (rows[0][3].is_null()) return claimed;
  claimed.jobs.reserve(rows.size());
  for (const auto& row : rows) claimed.jobs.push_back(claimed_job(row));
  claimed.claim = claimed.jobs.front().job.claim;
  if (!unencoded) return claimed;
  const auto is_text = [](const std::string& bytes) { return base::valid_utf8(bytes) == bytes; };
  for (ClaimedJob& one : claimed.jobs) one.unreadable = !is_text(one.job.id) || !is_text(one.job.payload);
  return claimed;
}

void throw_fenced(RuntimeId runtime, const std::string& where) {
  throw Fenced("runtime " + std::to_string(runtime) + " is no longer enlisted in " + where +
               ": another runtime presumed it dead and took its claims");
}

bool is_fenced(const pqxx::foreign_key_violation& error) {
  return std::string_view(error.what()).find("claim_runtime_fkey") != std::string_view::npos;
}

}  // namespace sluice::store
