// What this process uses, according to the kernel.
#pragma once

#include <optional>

namespace sluice::http {

struct ProcessUsage {
  double cpu_seconds = 0;
  double start_time = 0;  ///< seconds since 1970
  double resident_bytes = 0;
  double virtual_bytes = 0;
  double open_files = 0;
  double most_files = 0;
};

/// Nullopt if /proc does not tell.
std::optional<ProcessUsage> process_usage();

}  // namespace sluice::http
