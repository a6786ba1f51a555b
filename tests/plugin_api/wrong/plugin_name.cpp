// says: a plugin's name has 1 to 64 characters from a-z 0-9 - _
#include <sluice/plugin.hpp>

sluice::Result greet(sluice::Job&) {
  return sluice::done();
}

SLUICE_PLUGIN("Wrong", "1.0.0", sluice::job_type<greet>("wrong.one"));
