// says: a handler's Slot has a public constructor that takes the handler (`Handler&`), or no argument
#include <sluice/plugin.hpp>

struct Greet {
  struct Slot {
    explicit Slot(int) {}
  };
  sluice::Result operator()(sluice::Job&, Slot&) { return sluice::done(); }
};

SLUICE_PLUGIN("wrong", "1.0.0", sluice::job_type<Greet>("wrong.one"));
