// What a process uses: memory, descriptors, threads; and whether it uses more and more of them.
#pragma once

#include <sys/types.h>

#include <vector>

#include "workshop/finding.hpp"

namespace sluice::workshop {

struct Footprint {
  long memory_kib = 0;  ///< resident and private, not backed by a file
  int descriptors = 0;
  int threads = 0;
};

Footprint footprint(pid_t pid);

/// Judges footprints that were taken before and after equal shares of `jobs` jobs.
Finding judge(const std::vector<Footprint>& prints, int jobs);

/// True if a sanitizer is in this program, and so in every plugin host. A sanitizer keeps freed memory, to
/// find errors.
bool sanitized();

}  // namespace sluice::workshop
