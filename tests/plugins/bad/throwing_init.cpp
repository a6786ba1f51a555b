// A handler class whose constructor throws.
#include <sluice/plugin.hpp>

#include <stdexcept>

namespace {

class Thrower {
 public:
  explicit Thrower(const sluice::Config&) {
    throw std::runtime_error("no licence file at /etc/thrower/licence");
  }
  sluice::Result run(sluice::Job&) { return sluice::done(); }
};

}  // namespace

SLUICE_PLUGIN("throwing-init", "0.0.1", sluice::job_type<Thrower>("broken.throwing-init"));
