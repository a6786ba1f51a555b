#include "world.hpp"

#include "postgres/link/table_name.hpp"
#include "postgres/link/text.hpp"
#include "postgres/postgres_store.hpp"

namespace sluice::test {

void MemoryWorld::set_status(const std::string& id, const std::string& status) {
  auto changed = store_.row(id).value();
  changed.status = status;
  store_.put(changed);
}

PostgresWorld::PostgresWorld(const std::string& table)
    : table_(postgres::TableName::parse(table).quoted()),
      store_(postgres::open_postgres({database_.url(), table})) {
  store_->desk()->init();
}

void PostgresWorld::put(const Row& row) {
  database_.value("INSERT INTO " + table_ +
                      " VALUES ($1, $2, $3::jsonb, $4, to_timestamp($5::float8) AT TIME ZONE 'UTC', "
                      "to_timestamp($6::float8) AT TIME ZONE 'UTC', $7::int) "
                      "ON CONFLICT (id) DO UPDATE SET status = excluded.status, attempts = excluded.attempts",
                  {row.id, row.type, row.payload, row.status, postgres::cursor_text(row.created_at),
                   postgres::cursor_text(row.updated_at), std::to_string(row.attempts)});
}

std::optional<Row> PostgresWorld::row(const std::string& id) {
  const auto column = [&](const std::string& expression) {
    return database_.value("SELECT " + expression + " FROM " + table_ + " WHERE id = $1", {id});
  };
  if (column("1").empty()) return std::nullopt;
  return Row{id,
             column("type"),
             column("payload::text"),
             column("status"),
             postgres::parse_double(column("date_part('epoch', \"createdAt\")")),
             postgres::parse_double(column("date_part('epoch', \"updatedAt\")")),
             std::stoi(column("attempts"))};
}

void PostgresWorld::erase(const std::string& id) {
  database_.value("DELETE FROM " + table_ + " WHERE id = $1", {id});
}

void PostgresWorld::set_status(const std::string& id, const std::string& status) {
  database_.value("UPDATE " + table_ + " SET status = $2 WHERE id = $1", {id, status});
}

// The database's clock can't be changed, so all written times are moved into the past.
void PostgresWorld::advance(std::chrono::seconds time) {
  const std::string past = " - make_interval(secs => " + std::to_string(time.count()) + ")";
  database_.exec("UPDATE sluice.runtime SET beat_at = beat_at" + past + ", started_at = started_at" + past);
  database_.exec("UPDATE sluice.plugin SET changed_at = changed_at" + past);
  database_.exec("UPDATE sluice.minute SET minute = minute" + past);
  database_.exec("DELETE FROM sluice.total WHERE count = 0");
  database_.exec("UPDATE sluice.trace SET keep_until = keep_until" + past);
  database_.exec("UPDATE sluice.schedule SET due = due" + past);
  // Rows that are locked stay as they are.
  database_.exec("UPDATE " + table_ + " SET \"updatedAt\" = \"updatedAt\"" + past +
                 " WHERE id IN (SELECT id FROM " + table_ + " FOR UPDATE SKIP LOCKED)");
}

std::string PostgresWorld::output(const std::string& id) {
  return database_.value("SELECT output::text FROM sluice.output WHERE job_id = $1", {id});
}

bool PostgresWorld::scheduled(const std::string& id) {
  return !database_.value("SELECT 1 FROM sluice.schedule WHERE job_id = $1", {id}).empty();
}

void PostgresWorld::fill(int count, const std::string& type, const std::string& status,
                         const std::string& prefix) {
  database_.value("INSERT INTO " + table_ +
                      " SELECT $1 || i, $2, '{}', $3, timestamp '2026-01-01' + i * interval '1 ms', now(), 0 "
                      "FROM generate_series(1, $4::int) i",
                  {prefix, type, status, std::to_string(count)});
}

std::vector<store::LaneRequest> claim_request(std::vector<std::string> types, int limit) {
  return {{std::move(types), limit, {}}};
}

job::Settlement settlement(const job::Job& job, job::Status status, job::Result result) {
  job::Settlement settled;
  static_cast<job::Ref&>(settled) = job;
  settled.status = status;
  settled.outcome.result = result;
  return settled;
}

std::vector<std::string> ids_of(const store::Claimed& claimed) {
  std::vector<std::string> ids;
  for (const auto& one : claimed.jobs) ids.push_back(one.job.id);
  return ids;
}

store::RuntimeInfo runtime_info() {
  return {"test-host", 42, "0.1.0", "run"};
}

}  // namespace sluice::test
