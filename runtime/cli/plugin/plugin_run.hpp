// The results of `sluice plugin run`, and how they are shown.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "job/job.hpp"
#include "job/retry_policy.hpp"
#include "wire/frame.hpp"

namespace sluice::cli {

/// One job, and everything that its handler reported.
struct Performed {
  job::Job job;
  job::Outcome outcome;
  bool asked_to_stop = false;
  std::vector<wire::LogLine> log;
  std::vector<wire::Progress> progress;
  std::vector<std::string> printed;
};

struct RunReport {
  std::string plugin;
  std::string version;
  bool role_granted = false;
  std::string debugger;  ///< a command that runs the same job under gdb
  job::RetryPolicy policy;
  Performed shown;  ///< the first job that was not done, else the last
  std::map<std::string, int> outcomes;
  std::vector<std::chrono::microseconds> times;

  bool all_done() const;
};

void print_run(const RunReport& report);
void print_run_json(const RunReport& report);

}  // namespace sluice::cli
