// says: if it has a nested type Slot, this takes a second argument, Slot&
#include <sluice/plugin.hpp>

struct Greet {
  struct Slot {};
  sluice::Result operator()(sluice::Job&) { return sluice::done(); }
};

SLUICE_PLUGIN("wrong", "1.0.0", sluice::job_type<Greet>("wrong.one"));
