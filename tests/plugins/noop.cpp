// The cheapest possible handler, for measurements.
#include <sluice/plugin.hpp>

namespace {

sluice::Result nothing(sluice::Job&) {
  return sluice::done();
}

}  // namespace

SLUICE_PLUGIN("noop", "1.0.0", sluice::job_type<nothing>("bench.noop").summary("Does nothing"));
