// How the allocator treats freed memory.
#pragma once

#include <malloc.h>

namespace sluice::base {

/// Freed memory of up to 16 MB an arena stays with the process. By default the kernel gets it back whenever
/// 128 KiB are free at an arena's end, which is after each batch of jobs, and hands it out again page by
/// page: a tenth of the CPU time of a runtime under load. Called once, before threads are started.
inline void keep_freed_memory() {
  constexpr int kept = 16 * 1024 * 1024;
  constexpr int large =
      4 * 1024 * 1024;               // blocks from here on have pages of their own, which go back at once
  constexpr int step = 1024 * 1024;  // that an arena grows by
  mallopt(M_TRIM_THRESHOLD, kept);
  mallopt(M_MMAP_THRESHOLD, large);
  mallopt(M_TOP_PAD, step);
}

}  // namespace sluice::base
