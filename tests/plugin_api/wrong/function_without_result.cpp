// says: the argument of job_type<...> is not a handler: a handler is a function
// or a class
#include <sluice/plugin.hpp>

void greet(sluice::Job&) {}

SLUICE_PLUGIN("wrong", "1.0.0", sluice::job_type<greet>("wrong.one"));
