/*
 * Tests of handlers in C99 without a runtime, a database or a process:
 *
 *   sluice_fake_job job;
 *   sluice_fake_job_init(&job, "{\"name\": \"Ada\"}");
 *   assert(sluice_fake_job_run(&job, sluice_plugin_v1.job_types[0], NULL, NULL) == SLUICE_DONE);
 *   assert(strcmp(job.log, "info: greeting name=Ada\n") == 0);
 *
 * A fake job is one attempt on a host that accepts follow-up jobs and effects. It keeps everything that the
 * handler reports as text, which is cut if it is too long. It is for one thread. In C++ use
 * <sluice/testing.hpp>.
 *
 * A started plugin is the whole plugin as a host starts it, with its init and one slot:
 *
 *   sluice_started_plugin plugin;
 *   sluice_plugin_start(&plugin, &sluice_plugin_v1, "{\"greeting\": \"Hi\"}");
 *   assert(sluice_started_run(&plugin, &job, 0) == SLUICE_DONE);
 *   sluice_plugin_stop(&plugin);
 */
#ifndef SLUICE_TESTING_H
#define SLUICE_TESTING_H

#include <sluice/extensions.h>
#include <sluice/plugin.h>
#include <stdio.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sluice_fake_job {
  sluice_job raw; /* set attempt, max_attempts and anything else that the handler reads */
  int32_t cancelled;
  int32_t without_extensions;
  const char* const* secrets; /* those granted to the plugin: name, value, name, value, ..., NULL; or NULL */

  /* What the handler reported. */
  int64_t delay_us; /* -1 if it set none */
  double fraction;
  char code[128];
  char error[1024];
  char output[4096];
  char note[256];
  char log[4096];        /* a line each: "info: greeting name=Ada\n" */
  char follow_ups[4096]; /* a line each: "email.send {} delay_us=0 unique_key=\n" */
  char effects[4096];    /* a line each: "INSERT ... | parameter | NULL\n" */

  sluice_secrets secrets_extension;
} sluice_fake_job;

static inline sluice_fake_job* sluice_fake_of(const sluice_job* job) {
  return (sluice_fake_job*)job->host_data;
}

/* Appends `text` as far as there is room. */
static inline void sluice_fake_append(char* to, size_t room, const char* text, size_t size) {
  const size_t used = strlen(to);
  const size_t left = room - used - 1;
  const size_t taken = size < left ? size : left;
  if (taken != 0) memcpy(to + used, text, taken);
  to[used + taken] = '\0';
}
static inline void sluice_fake_append_str(char* to, size_t room, sluice_str text) {
  if (text.data != NULL) sluice_fake_append(to, room, text.data, text.size);
}
static inline void sluice_fake_append_text(char* to, size_t room, const char* text) {
  sluice_fake_append(to, room, text, strlen(text));
}
static inline void sluice_fake_set(char* to, size_t room, sluice_str text) {
  to[0] = '\0';
  sluice_fake_append_str(to, room, text);
}

/* Appends "info: greeting name=Ada\n". */
static inline void sluice_fake_log_line(char* to, size_t room, int32_t level, sluice_str message,
                                        const sluice_field* const* fields, size_t field_count) {
  static const char* const levels[] = {"trace: ", "debug: ", "info: ", "warn: ", "error: "};
  size_t i;
  sluice_fake_append_text(to, room, levels[level >= 0 && level <= 4 ? level : SLUICE_LOG_INFO]);
  sluice_fake_append_str(to, room, message);
  for (i = 0; i < field_count; ++i) {
    sluice_fake_append_text(to, room, " ");
    sluice_fake_append_str(to, room, fields[i]->key);
    sluice_fake_append_text(to, room, "=");
    sluice_fake_append_str(to, room, fields[i]->value);
  }
  sluice_fake_append_text(to, room, "\n");
}
static inline void sluice_fake_log(const sluice_job* job, int32_t level, sluice_str message,
                                   const sluice_field* const* fields, size_t field_count) SLUICE_NOEXCEPT {
  sluice_fake_job* fake = sluice_fake_of(job);
  sluice_fake_log_line(fake->log, sizeof fake->log, level, message, fields, field_count);
}
static inline int32_t sluice_fake_is_cancelled(const sluice_job* job) SLUICE_NOEXCEPT {
  return sluice_fake_of(job)->cancelled;
}
static inline void sluice_fake_progress(const sluice_job* job, double fraction,
                                        sluice_str note) SLUICE_NOEXCEPT {
  sluice_fake_of(job)->fraction = fraction;
  sluice_fake_set(sluice_fake_of(job)->note, sizeof sluice_fake_of(job)->note, note);
}
static inline void sluice_fake_set_delay(const sluice_job* job, int64_t delay_us) SLUICE_NOEXCEPT {
  sluice_fake_of(job)->delay_us = delay_us < 0 ? 0 : delay_us;
}
static inline void sluice_fake_set_error(const sluice_job* job, sluice_str code,
                                         sluice_str message) SLUICE_NOEXCEPT {
  sluice_fake_job* fake = sluice_fake_of(job);
  sluice_fake_set(fake->code, sizeof fake->code, code);
  sluice_fake_set(fake->error, sizeof fake->error, message);
}
static inline void sluice_fake_set_output(const sluice_job* job, sluice_str json) SLUICE_NOEXCEPT {
  sluice_fake_set(sluice_fake_of(job)->output, sizeof sluice_fake_of(job)->output, json);
}

static inline int32_t sluice_fake_enqueue(const sluice_job* job,
                                          const sluice_new_job* new_job) SLUICE_NOEXCEPT {
  sluice_fake_job* fake = sluice_fake_of(job);
  char number[64];
  if (new_job->type.size == 0 || new_job->type.size > 128 || new_job->payload.size == 0) return 1;
  sluice_fake_append_str(fake->follow_ups, sizeof fake->follow_ups, new_job->type);
  sluice_fake_append_text(fake->follow_ups, sizeof fake->follow_ups, " ");
  sluice_fake_append_str(fake->follow_ups, sizeof fake->follow_ups, new_job->payload);
  snprintf(number, sizeof number, " delay_us=%lld unique_key=", (long long)new_job->delay_us);
  sluice_fake_append_text(fake->follow_ups, sizeof fake->follow_ups, number);
  sluice_fake_append_str(fake->follow_ups, sizeof fake->follow_ups, new_job->unique_key);
  sluice_fake_append_text(fake->follow_ups, sizeof fake->follow_ups, "\n");
  return 0;
}
static inline int32_t sluice_fake_execute(const sluice_job* job, sluice_str sql,
                                          const sluice_str* const* parameters,
                                          size_t parameter_count) SLUICE_NOEXCEPT {
  sluice_fake_job* fake = sluice_fake_of(job);
  size_t i;
  if (sql.size == 0 || parameter_count > SLUICE_MOST_PARAMETERS) return 1;
  sluice_fake_append_str(fake->effects, sizeof fake->effects, sql);
  for (i = 0; i < parameter_count; ++i) {
    const sluice_str null_text = {"NULL", 4};
    sluice_fake_append_text(fake->effects, sizeof fake->effects, " | ");
    sluice_fake_append_str(fake->effects, sizeof fake->effects,
                           parameters[i] == NULL ? null_text : *parameters[i]);
  }
  sluice_fake_append_text(fake->effects, sizeof fake->effects, "\n");
  return 0;
}

/* Finds a secret in such a list, which `host_data` points to. */
static inline int32_t sluice_fake_get_secret(const sluice_secrets* secrets, sluice_str name,
                                             sluice_str* value) SLUICE_NOEXCEPT {
  const char* const* at = *(const char* const* const*)secrets->host_data;
  for (; at != NULL && *at != NULL; at += 2) {
    if (strlen(at[0]) != name.size || memcmp(at[0], name.data, name.size) != 0) continue;
    value->data = at[1];
    value->size = strlen(at[1]);
    return 0;
  }
  return 1;
}
static inline int32_t sluice_fake_is(sluice_str id, const char* extension) {
  return id.data != NULL && id.size == strlen(extension) && memcmp(id.data, extension, id.size) == 0;
}
/* The extension whose functions read the list at `secrets`. */
static inline const sluice_secrets* sluice_fake_secrets(sluice_secrets* extension,
                                                        const char* const** secrets) {
  extension->size = sizeof *extension;
  extension->host_data = (void*)secrets;
  extension->get = sluice_fake_get_secret;
  return extension;
}
static inline const void* sluice_fake_get_extension(const sluice_job* job, sluice_str id) SLUICE_NOEXCEPT {
  static const sluice_enqueue enqueue = {sizeof(sluice_enqueue), 0, sluice_fake_enqueue};
  static const sluice_effects effects = {sizeof(sluice_effects), 0, sluice_fake_execute};
  if (sluice_fake_of(job)->without_extensions || id.data == NULL) return NULL;
  if (sluice_fake_is(id, SLUICE_EXTENSION_ENQUEUE)) return &enqueue;
  if (sluice_fake_is(id, SLUICE_EXTENSION_EFFECTS)) return &effects;
  if (sluice_fake_is(id, SLUICE_EXTENSION_SECRETS))
    return sluice_fake_secrets(&sluice_fake_of(job)->secrets_extension, &sluice_fake_of(job)->secrets);
  return NULL;
}

/* `payload` must live as long as the job. */
static inline void sluice_fake_job_init(sluice_fake_job* fake, const char* payload) {
  static const sluice_job_api api = {sizeof(sluice_job_api),   0,
                                     sluice_fake_log,          sluice_fake_is_cancelled,
                                     sluice_fake_progress,     sluice_fake_set_delay,
                                     sluice_fake_set_error,    sluice_fake_set_output,
                                     sluice_fake_get_extension};
  static const sluice_str id = SLUICE_STR("job-1");
  memset(fake, 0, sizeof *fake);
  fake->raw.size = sizeof fake->raw;
  fake->raw.api = &api;
  fake->raw.host_data = fake;
  fake->raw.id = id;
  fake->raw.idempotency_key = id;
  fake->raw.payload.data = payload;
  fake->raw.payload.size = strlen(payload);
  fake->raw.attempt = 1;
  fake->raw.max_attempts = 3;
  fake->delay_us = -1;
}

/* Runs a job type's handler, with the `self` of the plugin's init and the `slot` of its slot_open. */
static inline int32_t sluice_fake_job_run(sluice_fake_job* fake, const sluice_job_type* type, void* self,
                                          void* slot) {
  fake->raw.type = type->name;
  return type->handle(self, slot, &fake->raw);
}

typedef struct sluice_started_plugin {
  const sluice_plugin* plugin;
  sluice_host host;
  void* self;
  void* slot;
  int32_t initialised;
  int32_t started;
  const char* const* secrets; /* as in sluice_fake_job */
  sluice_secrets secrets_extension;
  char error[1024]; /* why it refuses to start */
  char log[4096];   /* like a job's */
} sluice_started_plugin;

static inline sluice_started_plugin* sluice_started_of(const sluice_host* host) {
  return (sluice_started_plugin*)host->host_data;
}
static inline void sluice_started_log(const sluice_host* host, int32_t level, sluice_str message,
                                      const sluice_field* const* fields, size_t field_count) SLUICE_NOEXCEPT {
  sluice_started_plugin* started = sluice_started_of(host);
  sluice_fake_log_line(started->log, sizeof started->log, level, message, fields, field_count);
}
static inline void sluice_started_set_error(const sluice_host* host, sluice_str message) SLUICE_NOEXCEPT {
  sluice_fake_set(sluice_started_of(host)->error, sizeof sluice_started_of(host)->error, message);
}
static inline const void* sluice_started_get_extension(const sluice_host* host,
                                                       sluice_str id) SLUICE_NOEXCEPT {
  sluice_started_plugin* started = sluice_started_of(host);
  return sluice_fake_is(id, SLUICE_EXTENSION_SECRETS)
             ? sluice_fake_secrets(&started->secrets_extension, &started->secrets)
             : NULL;
}

/* Stops what was started. Does nothing if the plugin refused to start. */
static inline void sluice_plugin_stop(sluice_started_plugin* started) {
  const sluice_plugin* plugin = started->plugin;
  if (started->started && plugin->slot_close != NULL) plugin->slot_close(started->self, started->slot);
  started->started = 0;
  if (started->initialised && plugin->shutdown != NULL) plugin->shutdown(started->self);
  started->initialised = 0;
}

/* Calls init with that configuration, a JSON object, and then slot_open. Returns 1 if the plugin is ready for
 * jobs, and 0 if it refuses to start. Then `error` says why, and so does each job that is run nevertheless.
 * `secrets` are those that are granted to it. */
static inline int32_t sluice_plugin_start_with(sluice_started_plugin* started, const sluice_plugin* plugin,
                                               const char* config, const char* const* secrets) {
  static const sluice_str version = SLUICE_STR("0.0.0");
  sluice_str text;
  text.data = config;
  text.size = strlen(config);
  memset(started, 0, sizeof *started);
  started->plugin = plugin;
  started->secrets = secrets;
  started->host.size = sizeof started->host;
  started->host.abi_major = SLUICE_ABI_MAJOR;
  started->host.abi_minor = SLUICE_ABI_MINOR;
  started->host.host_data = started;
  started->host.runtime_version = version;
  started->host.slots = 1;
  started->host.log = sluice_started_log;
  started->host.set_error = sluice_started_set_error;
  started->host.get_extension = sluice_started_get_extension;
  started->initialised = plugin->init == NULL || plugin->init(&started->host, text, &started->self) == 0;
  started->started =
      started->initialised &&
      (plugin->slot_open == NULL || plugin->slot_open(started->self, &started->host, 0, &started->slot) == 0);
  if (!started->started) sluice_plugin_stop(started);
  return started->started;
}
static inline int32_t sluice_plugin_start(sluice_started_plugin* started, const sluice_plugin* plugin,
                                          const char* config) {
  return sluice_plugin_start_with(started, plugin, config, NULL);
}

/* Runs the job type with that index. If the plugin refused to start, the result is SLUICE_FAIL with code
 * "not-started". */
static inline int32_t sluice_started_run(sluice_started_plugin* started, sluice_fake_job* job, size_t type) {
  static const sluice_str not_started = SLUICE_STR("not-started");
  if (started->started)
    return sluice_fake_job_run(job, started->plugin->job_types[type], started->self, started->slot);
  sluice_fake_set(job->code, sizeof job->code, not_started);
  job->error[0] = '\0';
  sluice_fake_append_text(job->error, sizeof job->error, "the plugin ");
  sluice_fake_append_str(job->error, sizeof job->error, started->plugin->name);
  sluice_fake_append_text(job->error, sizeof job->error, " refuses to start: ");
  sluice_fake_append_text(job->error, sizeof job->error,
                          started->error[0] == '\0' ? "it gives no reason" : started->error);
  return SLUICE_FAIL;
}

#ifdef __cplusplus
}
#endif

#endif /* SLUICE_TESTING_H */
