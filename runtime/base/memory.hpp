// How the allocator treats freed memory.
#pragma once

#include <malloc.h>

namespace sluice::base {

/// Makes the process keep up to 16 MB of freed memory per arena. By default, the allocator returns memory to
/// the kernel whenever 128 KiB are free at an arena's end, which is after each batch of jobs, and then gets
/// it back page by page. That takes a tenth of the CPU time of a runtime under load. Call it once, before
/// threads are started.
inline void keep_freed_memory() {
  constexpr int kept = 16 * 1024 * 1024;
  constexpr int large = 4 * 1024 * 1024;  // larger blocks get their own pages, which are returned at once
  constexpr int step = 1024 * 1024;       // by which an arena grows
  mallopt(M_TRIM_THRESHOLD, kept);
  mallopt(M_MMAP_THRESHOLD, large);
  mallopt(M_TOP_PAD, step);
}

}  // namespace sluice::base
