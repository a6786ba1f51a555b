/*
 * What ABI 1.1 added to 1.0, for ever: a line here never changes.
 */
#include <assert.h>
#include <sluice/plugin.h>

static_assert(SLUICE_BRIEF == 2, "a flag has changed its value");
static_assert(SLUICE_ABI_MINOR >= 1, "a minor version never goes back");
