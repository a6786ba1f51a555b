// A job whose handler is running, as a value.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>

#include "base/threads.hpp"
#include "job/job.hpp"

namespace sluice::fleet {

struct RunningJob : job::Ref {
  std::uint32_t pump = 0;  ///< as in job::Job
  std::string plugin;
  pid_t host = 0;  ///< the plugin host's process
  base::Clock::time_point started;
  std::optional<double> fraction;  ///< of the work, 0 to 1; nullopt: its handler has reported nothing
  std::string note;
};

}  // namespace sluice::fleet
