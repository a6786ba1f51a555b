// Whether all is well, and if not, why, in sentences.
#pragma once

#include <string>
#include <vector>

#include "store/desk.hpp"
#include "store/insight.hpp"

namespace sluice::dashboard {

/// The weights of problems, greatest first; the order of a list of problems, where those of one kind are
/// ordered by the number of jobs that they concern, then by how long the oldest has waited.
enum class Weight {
  unread,       ///< a question to the database was not answered, so the rest may mislead
  unserved,     ///< no runtime runs, and jobs wait
  jobs,         ///< the jobs of a type wait for nothing, or fail for good
  stuck,        ///< jobs are in processing, and no runtime has them
  slow,         ///< a type falls behind
  no_runtimes,  ///< no runtime runs, and nothing waits
};

struct Problem {
  std::string text;  ///< "pdf.generate stands still: …"
  std::string type;  ///< the job type that it concerns; empty: all
  std::string page;  ///< where more is said: "/failures?range=1h"
  Weight weight = Weight::unread;
  double jobs = 0;
  double age = 0;  ///< seconds
};

struct Verdict {
  bool well = true;
  std::string text;               ///< "well: 312 jobs/s, the oldest waits for 0.4 s"
  std::vector<Problem> problems;  ///< the greatest weight first, at most `most_problems`
  std::size_t more = 0;           ///< problems that were left out
};

inline constexpr std::size_t most_problems = 20;

// Jobs of a type that fail for good are a problem if they are at least this part of those that ended in the
// last minute, or, if they are some, in the last hour.
inline constexpr double failed_part_of_minute = 0.05;
inline constexpr double failed_part_of_hour = 0.5;
inline constexpr double some_failed_of_hour = 3;
/// A type whose oldest job has waited for more seconds falls behind.
inline constexpr double long_wait = 600;

struct Situation {
  std::vector<store::TypeOverview> types;
  std::vector<store::RuntimeReport> runtimes;
  double done_per_second = 0;  ///< in the last minutes
  std::int64_t stuck = 0;
  std::vector<store::Throughput> last_minute;
  std::vector<store::Throughput> last_hour;
  std::vector<store::FailureGroup> failures;  ///< the most frequent first
  std::vector<std::string> unread;            ///< why parts of it are missing
  bool knows_runtimes = true;
  bool knows_types = true;
};

Verdict verdict(const Situation& situation);

/// Why nothing serves the type, from the plugins that should, as a clause: "its plugin mail was refused (…)".
std::string unserved_because(const store::TypeOverview& type,
                             const std::vector<store::RuntimeReport>& runtimes);

}  // namespace sluice::dashboard
