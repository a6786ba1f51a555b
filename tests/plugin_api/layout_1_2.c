/*
 * What ABI 1.2 added to 1.1, for ever: a line here never changes.
 */
#include <assert.h>
#include <sluice/extensions.h>
#include <sluice/plugin.h>

#define MEMBER(type, member, offset, bytes)                                          \
  static_assert(offsetof(type, member) == (offset), #type "." #member " has moved"); \
  static_assert(sizeof(((type*)0)->member) == (bytes), #type "." #member " has changed its size")
#define AT_LEAST(type, bytes) static_assert(sizeof(type) >= (bytes), #type " has shrunk")

MEMBER(sluice_plugin, sandbox, 176, 16);
AT_LEAST(sluice_plugin, 192);

MEMBER(sluice_secrets, size, 0, 4);
MEMBER(sluice_secrets, reserved, 4, 4);
MEMBER(sluice_secrets, host_data, 8, 8);
MEMBER(sluice_secrets, get, 16, 8);
AT_LEAST(sluice_secrets, 24);

static_assert(__builtin_strcmp(SLUICE_EXTENSION_SECRETS, "sluice.secrets/1") == 0,
              "an extension has another id");

static_assert(SLUICE_ABI_MINOR >= 2, "a minor version never goes back");

void sluice_signatures_1_2(const sluice_secrets* secrets);
void sluice_signatures_1_2(const sluice_secrets* secrets) {
  int32_t (*get)(const sluice_secrets*, sluice_str, sluice_str*) = secrets->get;
  (void)get;
}
