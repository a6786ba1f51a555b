// says: two job types of this plugin have the same name
#include <sluice/plugin.hpp>

sluice::Result greet(sluice::Job&) {
  return sluice::done();
}
sluice::Result part(sluice::Job&) {
  return sluice::done();
}

SLUICE_PLUGIN("wrong", "1.0.0", sluice::job_type<greet>("wrong.one"), sluice::job_type<greet>("wrong.two"),
              sluice::job_type<part>("wrong.one"));
