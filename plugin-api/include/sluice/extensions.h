/*
 * Extensions of the plugin ABI 1.x that Sluice offers to plugins, in C99. A handler finds one with
 * job->api->get_extension(job, id); the rules of <sluice/plugin.h> hold here too.
 *
 * The host keeps the follow-up jobs and effects that a handler requests until the handler returns. They take
 * effect only if the handler returns SLUICE_DONE. Then all of it is committed in the transaction that marks
 * the job done, so either all of it happens, exactly once, or none of it does.
 */
#ifndef SLUICE_EXTENSIONS_H
#define SLUICE_EXTENSIONS_H

#include <sluice/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Follow-up jobs --------------------------------------------------------------------------- */

#define SLUICE_EXTENSION_ENQUEUE "sluice.enqueue/1"

/* A job to be enqueued. */
typedef struct sluice_new_job {
  uint32_t size;
  uint32_t reserved;
  sluice_str type;       /* 1 to 128 characters */
  sluice_str payload;    /* one JSON value */
  int64_t delay_us;      /* how long it waits before it becomes due; negative counts as 0 */
  sluice_str unique_key; /* while a job enqueued with this key exists, no other is enqueued; empty: no key */
} sluice_new_job;

typedef struct sluice_enqueue {
  uint32_t size;
  uint32_t reserved;

  /* Requests a follow-up job. Returns 0 if the request was noted. Returns another value, and notes nothing,
   * if the type is empty or too long, the payload is not valid JSON, or the job has requested too much: more
   * follow-up jobs and effects than the operator allows (10,000), or 14 MB. Then the job fails. [any-thread]
   */
  int32_t (*enqueue)(const sluice_job* job, const sluice_new_job* new_job) SLUICE_NOEXCEPT;
} sluice_enqueue;

/* ---- Effects: SQL that commits with the job --------------------------------------------------- */

/* NULL unless the operator granted a database role to the plugin. */
#define SLUICE_EXTENSION_EFFECTS "sluice.effects/1"

/* The most parameters of one statement. */
#define SLUICE_MOST_PARAMETERS 32

typedef struct sluice_effects {
  uint32_t size;
  uint32_t reserved;

  /* Requests one SQL statement, to be run under the granted role. $1, $2, … in it stand for the parameters,
   * which are all of type text: write $1::int for a number. A NULL pointer is an SQL NULL. Rows that the
   * statement returns are dropped. If the statement fails, nothing of the job is committed, and the job is
   * tried again with the database's message as its error. Returns 0 if the request was noted. Returns another
   * value, and notes nothing, if the statement is empty or has too many parameters, or the job has requested
   * too much, as above. [any-thread] */
  int32_t (*execute)(const sluice_job* job, sluice_str sql, const sluice_str* const* parameters,
                     size_t parameter_count) SLUICE_NOEXCEPT;
} sluice_effects;

/* ---- Secrets: what the operator granted to the plugin ----------------------------------------- */

/* Also found with host->get_extension(host, id), so init and slot_open can use it. */
#define SLUICE_EXTENSION_SECRETS "sluice.secrets/1"

typedef struct sluice_secrets {
  uint32_t size;
  uint32_t reserved;
  void* host_data; /* private to the host; do not touch */

  /* Finds the secret that the operator granted under `name`. Returns 0 and sets `*value`, 1 to 65536 bytes of
   * any kind, which are valid until the plugin's shutdown. Returns another value, and sets nothing, if no
   * secret of that name is granted. `secrets` is the struct itself. [any-thread] */
  int32_t (*get)(const struct sluice_secrets* secrets, sluice_str name, sluice_str* value) SLUICE_NOEXCEPT;
} sluice_secrets;

#ifdef __cplusplus
}
#endif

#endif /* SLUICE_EXTENSIONS_H */
