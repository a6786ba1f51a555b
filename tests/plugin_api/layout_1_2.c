/*
 * What ABI 1.2 added to 1.1, for ever: a line here never changes.
 */
#include <assert.h>
#include <sluice/plugin.h>

#define MEMBER(type, member, offset, bytes)                                          \
  static_assert(offsetof(type, member) == (offset), #type "." #member " has moved"); \
  static_assert(sizeof(((type*)0)->member) == (bytes), #type "." #member " has changed its size")
#define AT_LEAST(type, bytes) static_assert(sizeof(type) >= (bytes), #type " has shrunk")

MEMBER(sluice_plugin, sandbox, 176, 16);
AT_LEAST(sluice_plugin, 192);

static_assert(SLUICE_ABI_MINOR >= 2, "a minor version never goes back");
