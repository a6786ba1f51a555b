// Built with default visibility and without a version script, so its own C++ functions are exported.
#include <sluice/plugin.hpp>

namespace sluice_test {

sluice::Result visible(sluice::Job&);
sluice::Result visible(sluice::Job&) {
  return sluice::done();
}

}  // namespace sluice_test

SLUICE_PLUGIN("visible", "0.0.1", sluice::job_type<sluice_test::visible>("odd.visible").example("{}"));
