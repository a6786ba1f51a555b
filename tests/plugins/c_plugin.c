/* A plugin in C99, without C++. Type test.c: an empty object is done, any other payload fails. */
#include <sluice/plugin.h>
#include <stdlib.h>
#include <string.h>

struct state {
  const sluice_host* host;
};

static sluice_str text(const char* literal) {
  sluice_str view;
  view.data = literal;
  view.size = strlen(literal);
  return view;
}

static int32_t init(const sluice_host* host, sluice_str config, void** self) {
  struct state* state = malloc(sizeof *state);
  (void)config;
  if (state == NULL) {
    host->set_error(host, text("out of memory"));
    return 1;
  }
  state->host = host;
  *self = state;
  host->log(host, SLUICE_LOG_INFO, text("the C plugin starts"), NULL, 0);
  return 0;
}

static void shutdown(void* self) {
  struct state* state = self;
  state->host->log(state->host, SLUICE_LOG_INFO, text("the C plugin ends"), NULL, 0);
  free(state);
}

static int32_t slot_open(void* self, const sluice_host* host, uint32_t slot_index, void** slot) {
  uint32_t* jobs = calloc(1, sizeof *jobs);
  (void)self;
  (void)slot_index;
  if (jobs == NULL) {
    host->set_error(host, text("out of memory"));
    return 1;
  }
  *slot = jobs;
  return 0;
}

static void slot_close(void* self, void* slot) {
  (void)self;
  free(slot);
}

static int32_t handle(void* self, void* slot, const sluice_job* job) {
  uint32_t* jobs = slot;
  sluice_field attempt = {sizeof(sluice_field), SLUICE_FIELD_JSON, SLUICE_STR("plugin"),
                          SLUICE_STR("{\"in\":\"C\"}")};
  const sluice_field* fields[1];
  (void)self;
  fields[0] = &attempt;
  ++*jobs;
  job->api->log(job, SLUICE_LOG_DEBUG, text("a job of the C plugin"), fields, 1);
  if (job->payload.size == 2 && memcmp(job->payload.data, "{}", 2) == 0) {
    job->api->set_output(job, text("{\"from\":\"C\"}"));
    return SLUICE_DONE;
  }
  job->api->set_error(job, text("not-empty"), text("expected the payload {}"));
  return SLUICE_FAIL;
}

static const sluice_job_type type = {.size = sizeof(sluice_job_type),
                                     .name = SLUICE_STR("test.c"),
                                     .summary = SLUICE_STR("A type in C"),
                                     .payload_example = SLUICE_STR("{}"),
                                     .handle = handle};
static const sluice_job_type* const types[] = {&type};

SLUICE_DECLARE_PLUGIN = {.size = sizeof(sluice_plugin),
                         .abi_major = SLUICE_ABI_MAJOR,
                         .abi_minor = SLUICE_ABI_MINOR,
                         .name = SLUICE_STR("c-plugin"),
                         .version = SLUICE_STR("1.0.0"),
                         .job_types = types,
                         .job_type_count = 1,
                         .init = init,
                         .shutdown = shutdown,
                         .slot_open = slot_open,
                         .slot_close = slot_close};
