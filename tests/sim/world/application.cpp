#include "world/application.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "store/memory_transaction.hpp"
#include "world/trace.hpp"

namespace sluice::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::array types{"mail.send", "mail.send", "mail.once", "mail.brief", "pdf.make", "pdf.stamp"};

Script some_script(Random& random) {
  Script script;
  // Most jobs are quick and end well.
  if (random.chance(0.4)) script.deed = static_cast<Deed>(random.below(mild_deeds));
  if (random.chance(0.02)) script.deed = static_cast<Deed>(mild_deeds + random.below(deeds - mild_deeds));
  const bool quick = random.chance(0.8);
  script.takes = milliseconds(quick ? random.between(1, 60) : random.between(100, 3000));
  const bool is_long = script.deed == Deed::obey || script.deed == Deed::stubborn;
  if (is_long) script.takes = milliseconds(random.between(1000, 15000));
  return script;
}

}  // namespace

Application::Application(const Settings& settings, Database& database, Ledger& ledger)
    : settings_(settings), database_(database), ledger_(ledger), random_(mix(settings.seed, 3)) {}

void Application::start() {
  work(&Application::insert_some, settings_.between_inserts);
  work(&Application::keep_house, seconds(7));
  if (settings_.marking) work(&Application::drain_some, seconds(3));
}

void Application::work(void (Application::*step)(), Duration pause) {
  sched().spawn(process_, [this, step, pause] {
    while (!stopping_) {
      sched().sleep(Duration(random_.between(0, 2 * pause.count())));
      if (stopping_ || database_.weather.down) continue;
      ++busy_;
      (this->*step)();
      --busy_;
    }
  });
}

Application::Row Application::make_job() {
  Row row;
  std::array<char, 16> id{};
  std::snprintf(id.data(), id.size(), "job%05d", ++last_job_);
  row.id = id.data();
  row.type = types.at(random_.below(types.size()));
  row.payload = some_script(random_).payload();
  row.created_at = row.updated_at = database_.now();
  return row;
}

/// "createdAt" is when the row was made, and the commit may come much later, or never.
void Application::insert_some() {
  std::vector<Row> rows;
  for (auto count = random_.between(1, 4); count > 0; --count) rows.push_back(make_job());
  if (random_.chance(0.3)) sched().sleep(milliseconds(random_.between(1, 4000)));
  if (random_.chance(0.1)) return trace("application rolls back");
  for (Row& row : rows) {
    ledger_.written(row);
    database_.store().insert(std::move(row));
  }
}

void Application::insert(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    Row row = make_job();
    ledger_.written(row);
    database_.store().insert(std::move(row));
  }
}

void Application::keep_house() {
  switch (random_.below(5)) {
    case 0:
      return try_again();
    case 1:
      return clean_up();
    case 2:
      return erase_one();
    default:
      return write_one();
  }
}

std::vector<Application::Row> Application::rows_in(const std::string& status) const {
  std::vector<Row> rows = database_.store().rows();
  std::erase_if(rows, [&](const Row& row) { return row.status != status; });
  return rows;
}

std::string Application::some_row(const std::string& status) {
  const std::vector<Row> rows = rows_in(status);
  return rows.empty() ? std::string() : rows[random_.below(rows.size())].id;
}

/// "Reset failed jobs for retry", as the guide has it.
void Application::try_again() {
  for (const Row& one : rows_in("error")) {
    store::MemoryTransaction transaction(database_.store());
    if (one.attempts >= 3 || !transaction.lock(one.id, seconds(2))) continue;
    const bool changed = database_.store().update(one.id, [](Row& row) {
      if (row.status != "error" || row.attempts >= 3) return false;
      row.status = "pending";
      return true;
    });
    if (changed) ledger_.allow_another(one.id);
  }
}

/// "Remove old completed jobs".
void Application::clean_up() {
  constexpr double old = 60;
  for (const Row& one : rows_in("done")) {
    if (one.created_at < database_.now() - old) database_.store().erase(one.id);
  }
}

void Application::erase_one() {
  const std::string id = some_row("pending");
  if (id.empty()) return;
  store::MemoryTransaction transaction(database_.store());
  if (!transaction.lock(id, seconds(2))) return;
  sched().sleep(milliseconds(random_.between(0, 50)));
  database_.store().erase(id);
  trace("application erased a job", {{"job", id}});
}

/// Writes a row, perhaps one that runs, in a transaction that takes a while.
void Application::write_one() {
  const std::string id = some_row(random_.chance(0.5) ? "processing" : "pending");
  if (id.empty()) return;
  store::MemoryTransaction transaction(database_.store());
  if (!transaction.lock(id, seconds(2))) return;
  sched().sleep(milliseconds(random_.between(0, 150)));
  database_.store().update(id, [](Row&) { return true; });
}

void Application::hold_locks(Duration time, std::uint64_t seed) {
  sched().spawn(process_, [this, time, seed] {
    ++busy_;
    Random random(seed);
    std::vector<Row> rows = database_.store().rows();
    std::erase_if(rows, [](const Row& row) { return row.status == "done"; });
    store::MemoryTransaction transaction(database_.store());
    for (auto count = random.between(1, 10); count > 0 && !rows.empty(); --count)
      transaction.lock(rows[random.below(rows.size())].id, milliseconds(100));
    sched().sleep(time);
    --busy_;
  });
}

void Application::cancel_some(std::uint64_t seed) {
  Random random(seed);
  const std::vector<Row> rows = database_.store().rows();
  for (auto count = random.between(1, 5); count > 0 && !rows.empty(); --count)
    database_.store().request_cancel(rows[random.below(rows.size())].id);
}

/// Another program takes the oldest pending rows, as the guide's script does.
void Application::drain_some() {
  std::vector<Row> rows = rows_in("pending");
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.created_at < b.created_at; });
  rows.resize(std::min<std::size_t>(rows.size(), 3));
  for (const Row& row : rows) drain_one(row.id);
}

void Application::drain_one(const std::string& id) {
  {
    store::MemoryTransaction transaction(database_.store());
    if (!transaction.lock(id, milliseconds(100))) return;
    const bool taken = database_.store().update(id, [&](Row& row) {
      if (row.status != "pending") return false;
      row.status = "processing";
      ++row.attempts;
      ledger_.written(row);
      ledger_.taken_by_another_program(row.id);
      return true;
    });
    if (!taken) return;
  }
  sched().sleep(milliseconds(random_.between(1, 300)));
  store::MemoryTransaction transaction(database_.store());
  while (!transaction.lock(id, seconds(2))) {
  }
  database_.store().update(id, [](Row& row) {
    row.status = "done";
    return true;
  });
}

}  // namespace sluice::sim
