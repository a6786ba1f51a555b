// Makes a repro (cli/plugin/repro.hpp) of a job in the database. For `sluice jobs repro` and for the
// dashboard's page of a job.
#pragma once

#include <functional>
#include <string>

#include "cli/plugin/repro.hpp"
#include "config/config.hpp"
#include "store/job_desk.hpp"

namespace sluice::cli {

/// Takes a sentence about what the repro lacks.
using Note = std::function<void(const std::string& words)>;

/// Asks the job's plugin, if it is in the plugin directory, for its description: loads it in a host.
Repro make_repro(const store::JobDetails& details, const config::Config& config, const Note& note);

}  // namespace sluice::cli
