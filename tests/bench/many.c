/* The smallest possible plugin, one of many: with -DNUMBER=7 it is "many-7" and serves "bench.many7". */
#include <sluice/plugin.h>

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

static int32_t handle(void* self, void* slot, const sluice_job* job) {
  (void)self, (void)slot, (void)job;
  return SLUICE_DONE;
}

static const sluice_job_type type = {
    .size = sizeof(sluice_job_type), .name = SLUICE_STR("bench.many" TEXT(NUMBER)), .handle = handle};
static const sluice_job_type* const types[] = {&type};

SLUICE_DECLARE_PLUGIN = {.size = sizeof(sluice_plugin),
                         .abi_major = SLUICE_ABI_MAJOR,
                         .abi_minor = SLUICE_ABI_MINOR,
                         .name = SLUICE_STR("many-" TEXT(NUMBER)),
                         .version = SLUICE_STR("1.0.0"),
                         .job_types = types,
                         .job_type_count = 1};
