// sluice-sim: runs the engine in simulated worlds. See `sluice-sim --help`.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "check/options.hpp"
#include "check/runs.hpp"

namespace {

using namespace sluice::sim;

void print(const Report& report) {
  std::printf(
      "seed %llu: %s; %.0f virtual s in %.2f s, %llu events, %llu switches, %zu jobs, %zu runs, %zu "
      "recalled, digest "
      "%016llx\n",
      static_cast<unsigned long long>(report.seed),
      report.violation.empty() ? "nothing is wrong" : report.violation.c_str(), report.virtual_seconds,
      report.cpu_seconds, static_cast<unsigned long long>(report.events),
      static_cast<unsigned long long>(report.switches), report.jobs, report.runs, report.recalled,
      static_cast<unsigned long long>(report.digest));
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!options.read(argc, argv)) return 2;
  switch (options.what) {
    case Options::What::one: {
      const Report report = run_here(options);
      print(report);
      return report.violation.empty() ? 0 : 1;
    }
    case Options::What::many:
      return run_many(options);
    case Options::What::teeth:
      return show_teeth(options);
    case Options::What::twice:
      return run_twice(options, argv[0]);
    case Options::What::shrink:
      return shrink(options);
  }
  return 2;
}
