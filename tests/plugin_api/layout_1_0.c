/*
 * The layout of ABI 1.0 on 64-bit machines, for ever. A line here never changes: a plugin that was built
 * with it may be in use. New members come behind the last one, with lines in a file of their own minor
 * version; that is why the sizes may only grow.
 */
#include <assert.h>
#include <sluice/extensions.h>
#include <sluice/plugin.h>

#define MEMBER(type, member, offset, bytes)                                          \
  static_assert(offsetof(type, member) == (offset), #type "." #member " has moved"); \
  static_assert(sizeof(((type*)0)->member) == (bytes), #type "." #member " has changed its size")
#define AT_LEAST(type, bytes) static_assert(sizeof(type) >= (bytes), #type " has shrunk")
#define EXACTLY(type, bytes) \
  static_assert(sizeof(type) == (bytes), #type " has no size member and can't grow")

MEMBER(sluice_str, data, 0, 8);
MEMBER(sluice_str, size, 8, 8);
EXACTLY(sluice_str, 16);

MEMBER(sluice_field, size, 0, 4);
MEMBER(sluice_field, kind, 4, 4);
MEMBER(sluice_field, key, 8, 16);
MEMBER(sluice_field, value, 24, 16);
AT_LEAST(sluice_field, 40);

MEMBER(sluice_job_api, size, 0, 4);
MEMBER(sluice_job_api, reserved, 4, 4);
MEMBER(sluice_job_api, log, 8, 8);
MEMBER(sluice_job_api, is_cancelled, 16, 8);
MEMBER(sluice_job_api, progress, 24, 8);
MEMBER(sluice_job_api, set_delay, 32, 8);
MEMBER(sluice_job_api, set_error, 40, 8);
MEMBER(sluice_job_api, set_output, 48, 8);
MEMBER(sluice_job_api, get_extension, 56, 8);
AT_LEAST(sluice_job_api, 64);

MEMBER(sluice_job, size, 0, 4);
MEMBER(sluice_job, slot, 4, 4);
MEMBER(sluice_job, api, 8, 8);
MEMBER(sluice_job, host_data, 16, 8);
MEMBER(sluice_job, id, 24, 16);
MEMBER(sluice_job, type, 40, 16);
MEMBER(sluice_job, payload, 56, 16);
MEMBER(sluice_job, idempotency_key, 72, 16);
MEMBER(sluice_job, attempt, 88, 4);
MEMBER(sluice_job, max_attempts, 92, 4);
MEMBER(sluice_job, created_at_us, 96, 8);
MEMBER(sluice_job, deadline_us, 104, 8);
AT_LEAST(sluice_job, 112);

MEMBER(sluice_host, size, 0, 4);
MEMBER(sluice_host, abi_major, 4, 2);
MEMBER(sluice_host, abi_minor, 6, 2);
MEMBER(sluice_host, host_data, 8, 8);
MEMBER(sluice_host, runtime_version, 16, 16);
MEMBER(sluice_host, slots, 32, 4);
MEMBER(sluice_host, reserved, 36, 4);
MEMBER(sluice_host, log, 40, 8);
MEMBER(sluice_host, set_error, 48, 8);
MEMBER(sluice_host, get_extension, 56, 8);
AT_LEAST(sluice_host, 64);

MEMBER(sluice_job_type, size, 0, 4);
MEMBER(sluice_job_type, flags, 4, 4);
MEMBER(sluice_job_type, name, 8, 16);
MEMBER(sluice_job_type, summary, 24, 16);
MEMBER(sluice_job_type, payload_schema, 40, 16);
MEMBER(sluice_job_type, payload_example, 56, 16);
MEMBER(sluice_job_type, max_attempts, 72, 4);
MEMBER(sluice_job_type, concurrency, 76, 4);
MEMBER(sluice_job_type, timeout_us, 80, 8);
MEMBER(sluice_job_type, backoff_first_us, 88, 8);
MEMBER(sluice_job_type, backoff_cap_us, 96, 8);
MEMBER(sluice_job_type, handle, 104, 8);
AT_LEAST(sluice_job_type, 112);

MEMBER(sluice_plugin, size, 0, 4);
MEMBER(sluice_plugin, abi_major, 4, 2);
MEMBER(sluice_plugin, abi_minor, 6, 2);
MEMBER(sluice_plugin, name, 8, 16);
MEMBER(sluice_plugin, version, 24, 16);
MEMBER(sluice_plugin, vendor, 40, 16);
MEMBER(sluice_plugin, url, 56, 16);
MEMBER(sluice_plugin, license, 72, 16);
MEMBER(sluice_plugin, summary, 88, 16);
MEMBER(sluice_plugin, config_schema, 104, 16);
MEMBER(sluice_plugin, job_types, 120, 8);
MEMBER(sluice_plugin, job_type_count, 128, 8);
MEMBER(sluice_plugin, init, 136, 8);
MEMBER(sluice_plugin, shutdown, 144, 8);
MEMBER(sluice_plugin, slot_open, 152, 8);
MEMBER(sluice_plugin, slot_close, 160, 8);
MEMBER(sluice_plugin, get_extension, 168, 8);
AT_LEAST(sluice_plugin, 176);

MEMBER(sluice_note, name_size, 0, 4);
MEMBER(sluice_note, desc_size, 4, 4);
MEMBER(sluice_note, type, 8, 4);
MEMBER(sluice_note, name, 12, 8);
MEMBER(sluice_note, abi_major, 20, 4);
MEMBER(sluice_note, abi_minor, 24, 4);
MEMBER(sluice_note, plugin_size, 28, 4);
MEMBER(sluice_note, job_type_size, 32, 4);
MEMBER(sluice_note, job_size, 36, 4);
EXACTLY(sluice_note, 40);

MEMBER(sluice_new_job, size, 0, 4);
MEMBER(sluice_new_job, reserved, 4, 4);
MEMBER(sluice_new_job, type, 8, 16);
MEMBER(sluice_new_job, payload, 24, 16);
MEMBER(sluice_new_job, delay_us, 40, 8);
MEMBER(sluice_new_job, unique_key, 48, 16);
AT_LEAST(sluice_new_job, 64);

MEMBER(sluice_enqueue, size, 0, 4);
MEMBER(sluice_enqueue, reserved, 4, 4);
MEMBER(sluice_enqueue, enqueue, 8, 8);
AT_LEAST(sluice_enqueue, 16);

MEMBER(sluice_effects, size, 0, 4);
MEMBER(sluice_effects, reserved, 4, 4);
MEMBER(sluice_effects, execute, 8, 8);
AT_LEAST(sluice_effects, 16);

static_assert(SLUICE_DONE == 0 && SLUICE_RETRY == 1 && SLUICE_FAIL == 2 && SLUICE_SNOOZE == 3 &&
                  SLUICE_CANCELLED == 4,
              "a result has changed its value");
static_assert(SLUICE_LOG_TRACE == 0 && SLUICE_LOG_DEBUG == 1 && SLUICE_LOG_INFO == 2 &&
                  SLUICE_LOG_WARN == 3 && SLUICE_LOG_ERROR == 4,
              "a log level has changed its value");
static_assert(SLUICE_FIELD_TEXT == 0 && SLUICE_FIELD_JSON == 1, "a field kind has changed its value");
static_assert(SLUICE_AT_MOST_ONCE == 1, "a flag has changed its value");
static_assert(SLUICE_NOTE_TYPE == 1 && SLUICE_ABI_MAJOR == 1, "another major version is another symbol");
static_assert(SLUICE_ABI_MINOR >= 0, "a minor version is a number");
static_assert(SLUICE_MOST_PARAMETERS >= 32, "fewer parameters than there were");
static_assert(__builtin_strcmp(SLUICE_EXTENSION_ENQUEUE, "sluice.enqueue/1") == 0 &&
                  __builtin_strcmp(SLUICE_EXTENSION_EFFECTS, "sluice.effects/1") == 0,
              "an extension has changed its id");

/* What each function takes and returns. A pointer to another type of function is an error in C++, and one
 * with -Werror in C. */
void sluice_signatures_1_0(const sluice_job_api* api, const sluice_host* host, const sluice_job_type* type,
                           const sluice_plugin* plugin, const sluice_enqueue* enqueue,
                           const sluice_effects* effects);
void sluice_signatures_1_0(const sluice_job_api* api, const sluice_host* host, const sluice_job_type* type,
                           const sluice_plugin* plugin, const sluice_enqueue* enqueue,
                           const sluice_effects* effects) {
  void (*job_log)(const sluice_job*, int32_t, sluice_str, const sluice_field* const*, size_t) = api->log;
  int32_t (*is_cancelled)(const sluice_job*) = api->is_cancelled;
  void (*progress)(const sluice_job*, double, sluice_str) = api->progress;
  void (*set_delay)(const sluice_job*, int64_t) = api->set_delay;
  void (*set_job_error)(const sluice_job*, sluice_str, sluice_str) = api->set_error;
  void (*set_output)(const sluice_job*, sluice_str) = api->set_output;
  const void* (*job_extension)(const sluice_job*, sluice_str) = api->get_extension;
  void (*host_log)(const sluice_host*, int32_t, sluice_str, const sluice_field* const*, size_t) = host->log;
  void (*set_host_error)(const sluice_host*, sluice_str) = host->set_error;
  const void* (*host_extension)(const sluice_host*, sluice_str) = host->get_extension;
  int32_t (*handle)(void*, void*, const sluice_job*) = type->handle;
  int32_t (*init)(const sluice_host*, sluice_str, void**) = plugin->init;
  void (*shutdown)(void*) = plugin->shutdown;
  int32_t (*slot_open)(void*, const sluice_host*, uint32_t, void**) = plugin->slot_open;
  void (*slot_close)(void*, void*) = plugin->slot_close;
  const void* (*plugin_extension)(sluice_str) = plugin->get_extension;
  int32_t (*enqueue_job)(const sluice_job*, const sluice_new_job*) = enqueue->enqueue;
  int32_t (*execute)(const sluice_job*, sluice_str, const sluice_str* const*, size_t) = effects->execute;
  (void)job_log, (void)is_cancelled, (void)progress, (void)set_delay, (void)set_job_error, (void)set_output;
  (void)job_extension, (void)host_log, (void)set_host_error, (void)host_extension, (void)handle, (void)init;
  (void)shutdown, (void)slot_open, (void)slot_close, (void)plugin_extension, (void)enqueue_job, (void)execute;
}
