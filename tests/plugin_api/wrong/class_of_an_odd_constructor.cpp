// says: a handler class has a public constructor that takes `const sluice::Config&`, or no argument
#include <sluice/plugin.hpp>

struct Greet {
  explicit Greet(int) {}
  sluice::Result operator()(sluice::Job&) { return sluice::done(); }
};

SLUICE_PLUGIN("wrong", "1.0.0", sluice::job_type<Greet>("wrong.one"));
