// Handlers for measuring latency. Payload {"at", "file"}, `at` in microseconds since 1970. "bench.stamp"
// appends a line with the microseconds since `at` to `file`. "bench.quick" does nothing. "bench.wait" takes a
// millisecond.
#include <chrono>
#include <fstream>
#include <thread>

#include <sluice/plugin.hpp>

namespace {

sluice::Result stamp(sluice::Job& job) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  std::ofstream(job.payload().string("file"), std::ios::app)
      << micros - job.payload().integer("at") << std::endl;
  return sluice::done();
}

sluice::Result quick(sluice::Job&) {
  return sluice::done();
}

sluice::Result wait(sluice::Job&) {
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return sluice::done();
}

}  // namespace

SLUICE_PLUGIN("stamp", "1.0.0", sluice::job_type<stamp>("bench.stamp"),
              sluice::job_type<quick>("bench.quick"), sluice::job_type<wait>("bench.wait"));
