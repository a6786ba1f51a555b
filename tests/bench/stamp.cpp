// A handler that notes how long its job took to reach it: payload {"at", "file"}, `at` in microseconds since
// 1970; appends one line of microseconds to `file`.
#include <chrono>
#include <fstream>

#include <sluice/plugin.hpp>

namespace {

sluice::Result stamp(sluice::Job& job) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  std::ofstream(job.payload().string("file"), std::ios::app)
      << micros - job.payload().integer("at") << std::endl;
  return sluice::done();
}

}  // namespace

SLUICE_PLUGIN("stamp", "1.0.0", sluice::job_type<stamp>("bench.stamp"));
