// Whether all is well, and if not, why, in sentences.
#pragma once

#include <string>
#include <vector>

#include "store/desk.hpp"
#include "store/insight.hpp"

namespace sluice::dashboard {

struct Problem {
  std::string text;  ///< "pdf.generate stands still: …"
  std::string type;  ///< the job type that it concerns; empty: all
};

struct Verdict {
  bool well = true;
  std::string text;               ///< "well: 312 jobs/s, the oldest waits for 0.4 s"
  std::vector<Problem> problems;  ///< the worst first
};

struct Situation {
  std::vector<store::TypeOverview> types;
  std::vector<store::RuntimeReport> runtimes;
  double done_per_second = 0;  ///< in the last minutes
  std::int64_t stuck = 0;
};

Verdict verdict(const Situation& situation);

/// Why nothing serves the type, from the plugins that should, as a clause: "its plugin mail was refused (…)".
std::string unserved_because(const store::TypeOverview& type,
                             const std::vector<store::RuntimeReport>& runtimes);

}  // namespace sluice::dashboard
