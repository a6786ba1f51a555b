// says: a plugin declares at least one job type
#include <sluice/plugin.hpp>

SLUICE_PLUGIN("wrong", "1.0.0");
