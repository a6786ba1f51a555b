#include "workshop/footprint.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace sluice::workshop {

namespace {

constexpr long free_kib = 1024;      // growth that any allocator may show
constexpr long kib_for_a_job = 1;    // beyond which, over many jobs, it is a leak: half of one
constexpr int jobs_for_a_thing = 4;  // one more descriptor or thread for every this many jobs is a leak

}  // namespace

Footprint footprint(pid_t pid) {
  Footprint print;
  const std::string directory = "/proc/" + std::to_string(pid);
  std::ifstream status(directory + "/status");
  for (std::string key; status >> key; status.ignore(1000, '\n')) {
    if (key == "RssAnon:") status >> print.memory_kib;
    if (key == "Threads:") status >> print.threads;
  }
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory + "/fd", error), end; !error && entry != end;
       entry.increment(error)) {
    ++print.descriptors;
  }
  return print;
}

Finding judge(const std::vector<Footprint>& prints, int jobs) {
  const Footprint& first = prints.front();
  const Footprint& last = prints.back();
  const std::string over = " over " + counted(static_cast<std::size_t>(jobs), "job");
  const int more_descriptors = last.descriptors - first.descriptors;
  if (more_descriptors >= std::max(jobs / jobs_for_a_thing, 1)) {
    return failed(std::to_string(more_descriptors) + " more open files" + over,
                  "close files on every path out of the handler; in C++, let an object own each file");
  }
  const int more_threads = last.threads - first.threads;
  if (more_threads >= std::max(jobs / jobs_for_a_thing, 1)) {
    return failed(std::to_string(more_threads) + " more threads" + over,
                  "join the threads that the handler starts before it returns");
  }
  const long grown = last.memory_kib - first.memory_kib;
  const auto grew = [](const Footprint& a, const Footprint& b) { return b.memory_kib <= a.memory_kib; };
  const bool steadily = std::adjacent_find(prints.begin(), prints.end(), grew) == prints.end();
  if (steadily && grown > free_kib + jobs * kib_for_a_job / 2) {
    return failed("grew by " + std::to_string(grown) + " KiB" + over + ", in every quarter of them",
                  "find it with valgrind --leak-check=full sluice plugin run … --in-process --repeat 100");
  }
  return passed((grown > 0 ? "grew by " + std::to_string(grown) + " KiB" : "did not grow") + over);
}

bool sanitized() {
  // The sanitizer is in the program if that was built with it, or, for a plugin that was built with it, in a
  // library that was loaded before the program.
  constexpr const char* runtimes[] = {"__asan_init", "__tsan_init", "__msan_init", "__lsan_init"};
  return std::any_of(std::begin(runtimes), std::end(runtimes),
                     [](const char* symbol) { return dlsym(RTLD_DEFAULT, symbol) != nullptr; });
}

}  // namespace sluice::workshop
