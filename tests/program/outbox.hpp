// The fixture for tests of the whole program: a database with the outbox, and the program configured to use
// it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>

#include "support/program.hpp"
#include "support/test_database.hpp"
#include "support/wait.hpp"

namespace sluice::test {

class Outbox : public ::testing::Test {
 protected:
  Outbox() {
    const Ended made = run({"init"}, environment());
    if (made.code != 0) throw std::runtime_error("sluice init failed: " + made.err);
  }

  std::map<std::string, std::string> environment() const {
    return {
        {"DATABASE_URL", database.url()}, {"SLUICE_PLUGIN_DIR", plugins.path()}, {"SLUICE_CONFIG", config}};
  }
  Ended sluice(std::vector<std::string> arguments, const std::string& input = "") const {
    return run(arguments, environment(), input);
  }

  ::testing::AssertionResult drains() const {
    const Ended drained = sluice({"drain"});
    if (drained.code == 0) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "sluice drain exited with " << drained.code << ":\n"
                                         << drained.err;
  }

  /// Inserts a plain row with its own id, as an application does.
  void insert(const std::string& id, const std::string& type, const std::string& payload = "{}") {
    database.value(
        R"(INSERT INTO "Outbox" (id, type, payload, "updatedAt") VALUES ($1, $2, $3::jsonb, now()) RETURNING id)",
        {id, type, payload});
  }
  void insert_many(int count, const std::string& type, const std::string& payload = "{}") {
    database.value(R"(WITH made AS (INSERT INTO "Outbox" (id, type, payload, "updatedAt")
                      SELECT 'job-' || i, $2, $3::jsonb, now() FROM generate_series(1, $1::int) i RETURNING 1)
                      SELECT count(*) FROM made)",
                   {std::to_string(count), type, payload});
  }
  std::string status(const std::string& id) {
    return database.value(R"(SELECT status FROM "Outbox" WHERE id = $1)", {id});
  }
  std::string attempts(const std::string& id) {
    return database.value(R"(SELECT attempts FROM "Outbox" WHERE id = $1)", {id});
  }
  std::string count(const std::string& condition) {
    return database.value("SELECT count(*) FROM \"Outbox\" WHERE " + condition);
  }
  /// The error of the last recorded attempt.
  std::string error(const std::string& id) {
    return database.value("SELECT error FROM sluice.attempt WHERE job_id = $1 ORDER BY at DESC LIMIT 1",
                          {id});
  }
  bool becomes(const std::string& id, const std::string& wanted) {
    return eventually([&] { return status(id) == wanted; });
  }
  /// Allows or forbids new connections to the database. Existing connections stay.
  void allow_connections(bool allowed) {
    database.value(
        "UPDATE pg_database SET datallowconn = $1::bool WHERE datname = current_database() RETURNING 1",
        {allowed ? "true" : "false"});
  }
  bool lines_in(const std::string& file, std::size_t lines) {
    return eventually([&] {
      const std::string text = scratch.read(file);
      return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) >= lines;
    });
  }
  /// A payload for the probe, {"do": …, "file": …}. A started handler appends a line to `file`.
  std::string probe(const std::string& what, const std::string& more = "") const {
    return "{\"do\":\"" + what + "\",\"file\":\"" + scratch.path("started") + "\"" + more + "}";
  }

  /// Sets a long lease. A beat may take a quarter of the lease, which an overloaded machine may need. For
  /// tests of log lines about the database.
  void be_patient() {
    config = scratch.write(
        "patient.toml",
        "[runtime]\npoll_interval = \"20ms\"\nlease = \"20s\"\n[retry]\nbackoff_first = \"10ms\"\n");
  }

  TestDatabase database;
  PluginDirectory plugins{{"good/probe"}};
  Scratch scratch;
  std::string config =
      scratch.write("sluice.toml",
                    "[retry]\nbackoff_first = \"10ms\"\nbackoff_cap = \"50ms\"\n"
                    "[runtime]\npoll_interval = \"20ms\"\nheartbeat = \"300ms\"\nlease = \"2s\"\n");
};

}  // namespace sluice::test
