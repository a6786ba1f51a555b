// says: a job type is brief() or at_most_once(), not both, because jobs of a brief type may run twice
#include <sluice/plugin.hpp>

sluice::Result greet(sluice::Job&) {
  return sluice::done();
}

SLUICE_PLUGIN("wrong", "1.0.0", sluice::job_type<greet>("wrong.one").brief().at_most_once());
