/*
 * A plugin that uses all of ABI 1.0, in C99. make.sh builds the exhibit museum-c.so of it; the test is
 * tests/program/museum_test.cpp. It is kept as the exhibit was built: don't change it, make a new one.
 */
#include <sluice/extensions.h>
#include <stdlib.h>
#include <string.h>

struct state {
  const sluice_host* host;
  char config[256];
  int snoozed;
};

static int32_t init(const sluice_host* host, sluice_str config, void** self) {
  static const sluice_str too_long = SLUICE_STR("the configuration is too long");
  static const sluice_str started = SLUICE_STR("the exhibit starts");
  struct state* state = calloc(1, sizeof *state);
  if (state == NULL || config.size >= sizeof state->config || host->abi_major != 1 || host->slots == 0) {
    host->set_error(host, too_long);
    free(state);
    return 1;
  }
  state->host = host;
  memcpy(state->config, config.data, config.size);
  host->log(host, SLUICE_LOG_INFO, started, NULL, 0);
  *self = state;
  return 0;
}

static void shutdown(void* self) {
  static const sluice_str ended = SLUICE_STR("the exhibit ends");
  struct state* state = self;
  state->host->log(state->host, SLUICE_LOG_INFO, ended, NULL, 0);
  free(state);
}

static int32_t slot_open(void* self, const sluice_host* host, uint32_t slot_index, void** slot) {
  (void)self;
  (void)host;
  (void)slot_index;
  *slot = calloc(1, 1);
  return *slot == NULL;
}

static void slot_close(void* self, void* slot) {
  (void)self;
  free(slot);
}

/* Its output is the configuration, which came to `init`. */
static int32_t done(void* self, void* slot, const sluice_job* job) {
  static const sluice_str half = SLUICE_STR("half");
  static const sluice_str message = SLUICE_STR("a job of the exhibit");
  const sluice_field payload = {sizeof(sluice_field), SLUICE_FIELD_JSON, SLUICE_STR("payload"), job->payload};
  const sluice_field key = {sizeof(sluice_field), SLUICE_FIELD_TEXT, SLUICE_STR("key"), job->idempotency_key};
  const sluice_field* fields[2];
  struct state* state = self;
  sluice_str output;
  fields[0] = &payload;
  fields[1] = &key;
  output.data = state->config;
  output.size = strlen(state->config);
  if (slot == NULL || job->api->is_cancelled(job) || job->attempt != 1 || job->created_at_us == 0)
    return SLUICE_FAIL;
  job->api->progress(job, 0.5, half);
  job->api->log(job, SLUICE_LOG_INFO, message, fields, 2);
  job->api->set_output(job, output);
  return SLUICE_DONE;
}

static int32_t fail(void* self, void* slot, const sluice_job* job) {
  static const sluice_str code = SLUICE_STR("museum");
  static const sluice_str message = SLUICE_STR("told to fail");
  (void)self;
  (void)slot;
  job->api->set_error(job, code, message);
  return SLUICE_FAIL;
}

/* The second attempt is done. */
static int32_t retry(void* self, void* slot, const sluice_job* job) {
  static const sluice_str code = SLUICE_STR("museum");
  static const sluice_str message = SLUICE_STR("told to retry");
  (void)self;
  (void)slot;
  if (job->attempt == 2) return SLUICE_DONE;
  job->api->set_error(job, code, message);
  job->api->set_delay(job, 1000);
  return SLUICE_RETRY;
}

/* The first call snoozes. */
static int32_t snooze(void* self, void* slot, const sluice_job* job) {
  struct state* state = self;
  (void)slot;
  if (state->snoozed) return SLUICE_DONE;
  state->snoozed = 1;
  job->api->set_delay(job, 1000);
  return SLUICE_SNOOZE;
}

/* Enqueues the payload as a job of type museum-c.done. */
static int32_t follow_up(void* self, void* slot, const sluice_job* job) {
  static const sluice_str id = SLUICE_STR(SLUICE_EXTENSION_ENQUEUE);
  const sluice_enqueue* host = job->api->get_extension(job, id);
  const sluice_new_job next = {sizeof(sluice_new_job), 0, SLUICE_STR("museum-c.done"),
                               job->payload,           0, SLUICE_STR("")};
  (void)self;
  (void)slot;
  if (host == NULL || !SLUICE_HAS(host, sluice_enqueue, enqueue) || host->enqueue(job, &next) != 0)
    return SLUICE_FAIL;
  return SLUICE_DONE;
}

/* Stores its name, and a NULL, by an effect. */
static int32_t effect(void* self, void* slot, const sluice_job* job) {
  static const sluice_str id = SLUICE_STR(SLUICE_EXTENSION_EFFECTS);
  static const sluice_str sql = SLUICE_STR("INSERT INTO museum (name, nothing) VALUES ($1, $2)");
  static const sluice_str name = SLUICE_STR("museum-c");
  const sluice_effects* host = job->api->get_extension(job, id);
  const sluice_str* parameters[2] = {&name, NULL};
  (void)self;
  (void)slot;
  if (host == NULL || !SLUICE_HAS(host, sluice_effects, execute) ||
      host->execute(job, sql, parameters, 2) != 0)
    return SLUICE_FAIL;
  return SLUICE_DONE;
}

#define TYPE(action, function)                                                                       \
  {                                                                                                  \
    sizeof(sluice_job_type), 0, SLUICE_STR("museum-c." action), SLUICE_STR("An exhibit"),            \
        SLUICE_STR("{\"type\": \"object\"}"), SLUICE_STR("{}"), 3, 2, 30000000, 1000, 2000, function \
  }
static const sluice_job_type types[] = {TYPE("done", done),           TYPE("fail", fail),
                                        TYPE("retry", retry),         TYPE("snooze", snooze),
                                        TYPE("follow-up", follow_up), TYPE("effect", effect)};
static const sluice_job_type* const pointers[] = {&types[0], &types[1], &types[2],
                                                  &types[3], &types[4], &types[5]};

SLUICE_DECLARE_PLUGIN = {sizeof(sluice_plugin),
                         SLUICE_ABI_MAJOR,
                         SLUICE_ABI_MINOR,
                         SLUICE_STR("museum-c"),
                         SLUICE_STR("1.0.0"),
                         SLUICE_STR("Sluice"),
                         SLUICE_STR("https://example.com"),
                         SLUICE_STR("Apache-2.0"),
                         SLUICE_STR("An exhibit of ABI 1.0 in C"),
                         SLUICE_STR("{\"type\": \"object\"}"),
                         pointers,
                         6,
                         init,
                         shutdown,
                         slot_open,
                         slot_close,
                         NULL};
