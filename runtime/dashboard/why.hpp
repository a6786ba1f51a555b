// Why a job, or the jobs of a type, did not run: checks along the decision path of docs/operations.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json_writer.hpp"
#include "dashboard/sessions.hpp"
#include "store/desk.hpp"
#include "store/insight.hpp"

namespace sluice::dashboard {

/// What is known about the job or type that was asked for.
struct Facts {
  std::string asked;             ///< an id or a type
  std::string database_problem;  ///< why the database did not answer; then nothing else is known
  std::string schema_problem;    ///< why the schema does not fit this program; likewise
  std::string held_up;           ///< why the database did not answer a question in time: a lock, or its load
  std::vector<store::TypeOverview> types;
  std::vector<store::RuntimeReport> runtimes;
  std::optional<store::JobDetails> job;
  std::optional<store::Counted> older;  ///< pending jobs of the job's type that come first
  std::string blocker;                  ///< the session that has locked the job's row, or the table
  std::optional<int> concurrency;       ///< of the type in each runtime, as configured here; 0: no limit
};

struct Check {
  std::string name;  ///< for programs: "runtime"
  std::string question;
  bool good = false;
  std::string answer;
  std::string command;  ///< what to run next; empty: nothing, or it depends
};

struct Explanation {
  std::string job;   ///< its id; empty if no job was asked for
  std::string type;  ///< empty if it is unknown
  std::vector<Check> checks;

  bool good() const;
};

/// Asks the store. Throws nothing that a store throws; it is among the facts instead.
Facts find_out(Session& session, const std::string& asked);

Explanation explain(const Facts& facts);

/// Writes members of an object.
void write(base::JsonWriter& writer, const Explanation& explanation);

}  // namespace sluice::dashboard
