// What a process holds: memory, descriptors, threads; and whether it holds ever more of them.
#pragma once

#include <sys/types.h>

#include <vector>

#include "workshop/finding.hpp"

namespace sluice::workshop {

struct Footprint {
  long memory_kib = 0;  ///< resident and its own, not of a file
  int descriptors = 0;
  int threads = 0;
};

Footprint footprint(pid_t pid);

/// Judges footprints that were taken before and after equal shares of `jobs` jobs.
Finding judge(const std::vector<Footprint>& prints, int jobs);

/// True where a sanitizer is in this program, and with it in every plugin host: it keeps freed memory to find
/// mistakes.
bool sanitized();

}  // namespace sluice::workshop
