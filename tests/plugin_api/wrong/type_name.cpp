// says: a job type's name has 1 to 128 characters from a-z A-Z 0-9 . _ - : /
#include <sluice/plugin.hpp>

sluice::Result greet(sluice::Job&) {
  return sluice::done();
}

SLUICE_PLUGIN("wrong", "1.0.0", sluice::job_type<greet>("wrong one"));
