// says: a handler class has a public `sluice::Result operator()(sluice::Job&)`, or `run` of the same form
#include <sluice/plugin.hpp>

class Greet {
 public:
  void run(sluice::Job&) {}
};

SLUICE_PLUGIN("wrong", "1.0.0", sluice::job_type<Greet>("wrong.one"));
