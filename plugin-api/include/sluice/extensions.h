/*
 * Extensions of the plugin ABI 1.x that Sluice offers to handlers, in C99. A handler finds one with
 * job->api->get_extension(job, id); the rules of <sluice/plugin.h> hold here too.
 *
 * What a handler asks for with these is kept until it returns, and counts only if it returns
 * SLUICE_DONE. Then it is committed in the transaction that marks the job done: all of it happens
 * exactly once, or none of it does.
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
  sluice_str unique_key; /* while a job enqueued with this key exists, no other is made; empty: none */
} sluice_new_job;

typedef struct sluice_enqueue {
  uint32_t size;
  uint32_t reserved;

  /* Asks for a follow-up job. 0 when it was noted; any other value when its type is too long or empty, or its
   * payload is no JSON, and nothing was noted. [any-thread] */
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

  /* Asks for one SQL statement, run under the granted role. $1, $2, … in it stand for the parameters, all
   * of type text: write $1::int for a number. A parameter that is NULL is an SQL NULL. What rows it returns
   * is dropped. If it fails, nothing of the job is committed, and the job is tried again with the database's
   * words as its error. 0 when it was noted; any other value when it is empty or has too many parameters, and
   * nothing was noted. [any-thread] */
  int32_t (*execute)(const sluice_job* job, sluice_str sql, const sluice_str* const* parameters,
                     size_t parameter_count) SLUICE_NOEXCEPT;
} sluice_effects;

#ifdef __cplusplus
}
#endif

#endif /* SLUICE_EXTENSIONS_H */
