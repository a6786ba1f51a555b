/*
 * The Sluice plugin ABI, version 1.2, in C99.
 *
 * A plugin is a shared library that exports ONE symbol, the constant `sluice_plugin_v1`, and carries
 * ONE ELF note, `.note.sluice`. Sluice reads the note from the file before any code of the plugin
 * runs, opens the library in a process of its own, a plugin host, and never closes it again.
 *
 * Rules that hold everywhere below:
 *
 *  - Growth. A struct begins with `size`, its size in bytes as its writer was compiled. New members are
 *    only added at the end. A reader reads at most the smaller of `size` and its own sizeof. Test a
 *    member that was added after 1.0 with SLUICE_HAS before you read it. All minor versions of one major
 *    version load in each other. A new major version would have a new symbol.
 *  - Strings are UTF-8, pointer and length, NOT NUL-terminated (sluice_str). {NULL, 0} is empty.
 *  - Ownership. A pointer passed in a call is valid until that call returns, unless its comment says
 *    longer. The called side copies whatever it wants to keep. Neither side frees memory that the other
 *    allocated.
 *  - Threads. Each function says who may call it:
 *      [main]        the host's main thread, never at the same time as another [main] function;
 *      [slot]        the thread of one slot; up to `slots` of them run at the same time, each with its
 *                    own slot state and its own job;
 *      [any-thread]  any thread, including those that the plugin started.
 *  - No exception and no longjmp crosses this boundary.
 *  - Times are microseconds; points in time count from 1970-01-01T00:00:00Z.
 *
 * The C++ layer over this header is <sluice/plugin.hpp>.
 */
#ifndef SLUICE_PLUGIN_H
#define SLUICE_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#define SLUICE_ABI_MAJOR 1
#define SLUICE_ABI_MINOR 2

#if defined(__cplusplus) && __cplusplus >= 201703L
#define SLUICE_NOEXCEPT noexcept
#else
#define SLUICE_NOEXCEPT
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* True when `member` lies within the size that the writer of the struct `*pointer` declared. */
#define SLUICE_HAS(pointer, type, member) \
  ((pointer)->size >= offsetof(type, member) + sizeof((pointer)->member))

/* A view of UTF-8 text: `size` bytes at `data`. */
typedef struct sluice_str {
  const char* data;
  size_t size;
} sluice_str;

/* A sluice_str of a string literal, for initialisers; in an expression, (sluice_str)SLUICE_STR("text"). */
#define SLUICE_STR(literal) \
  { (literal), sizeof(literal) - 1 }

/* ---- What a handler returns ------------------------------------------------------------------ */

/* Any other value is treated as SLUICE_RETRY, with an error that names the value. */
enum {
  /* The job's work is done. */
  SLUICE_DONE = 0,
  /* The job failed and may succeed later. It is tried again after the delay given with `set_delay`, or
   * else after the type's backoff, until its attempts are used up. Give the reason with `set_error`. */
  SLUICE_RETRY = 1,
  /* The job failed and would fail again. It is not retried automatically. Give the reason with
   * `set_error`. */
  SLUICE_FAIL = 2,
  /* It is too early for the job. It runs again after the delay given with `set_delay` (60 s without
   * one). This attempt is not counted. */
  SLUICE_SNOOZE = 3,
  /* The job stopped because `is_cancelled` returned 1. */
  SLUICE_CANCELLED = 4
};

/* ---- Log fields ------------------------------------------------------------------------------- */

enum {
  SLUICE_LOG_TRACE = 0,
  SLUICE_LOG_DEBUG = 1,
  SLUICE_LOG_INFO = 2,
  SLUICE_LOG_WARN = 3,
  SLUICE_LOG_ERROR = 4
};

enum {
  SLUICE_FIELD_TEXT = 0, /* `value` is text */
  SLUICE_FIELD_JSON = 1  /* `value` is one JSON value: 12.5, true, null, {"a":1} */
};

/* One key and value of a log line. */
typedef struct sluice_field {
  uint32_t size;
  uint32_t kind; /* SLUICE_FIELD_… */
  sluice_str key;
  sluice_str value;
} sluice_field;

/* ---- A job, as its handler sees it ------------------------------------------------------------ */

typedef struct sluice_job sluice_job;

/*
 * What a handler may ask of the host while it runs a job. These functions must not be called after the
 * handler has returned, not even by a thread that the plugin started. Each function is [any-thread] and takes
 * the job that `handle` got.
 */
typedef struct sluice_job_api {
  uint32_t size;
  uint32_t reserved;

  /* Writes a log line. The host adds the job's id, type and attempt. `fields` points to `field_count`
   * pointers. An unknown level is treated as SLUICE_LOG_INFO. [any-thread] */
  void (*log)(const sluice_job* job, int32_t level, sluice_str message, const sluice_field* const* fields,
              size_t field_count) SLUICE_NOEXCEPT;

  /* 1 if the job should stop (time-out, shutdown, an operator's request), else 0. It costs one load, so
   * call it often. Then return SLUICE_CANCELLED, or any other result that is true. [any-thread] */
  int32_t (*is_cancelled)(const sluice_job* job) SLUICE_NOEXCEPT;

  /* Reports the job's progress, for people: 0 ≤ fraction ≤ 1, and a short note. [any-thread] */
  void (*progress)(const sluice_job* job, double fraction, sluice_str note) SLUICE_NOEXCEPT;

  /* Sets the delay in µs for SLUICE_RETRY or SLUICE_SNOOZE. Negative counts as 0. [any-thread] */
  void (*set_delay)(const sluice_job* job, int64_t delay_us) SLUICE_NOEXCEPT;

  /* Sets why the job failed: a short stable code of your own ("smtp-550"), which may be empty, and a
   * sentence for people. Both are kept with the job's attempt. The last call counts. [any-thread] */
  void (*set_error)(const sluice_job* job, sluice_str code, sluice_str message) SLUICE_NOEXCEPT;

  /* Sets the job's output, one JSON value, which is kept with the job when it is done. Invalid JSON
   * makes the job fail. The last call counts. [any-thread] */
  void (*set_output)(const sluice_job* job, sluice_str json) SLUICE_NOEXCEPT;

  /* Returns an extension of the host for this job: a pointer to a constant struct that begins with its
   * size and is valid until the plugin's shutdown. NULL if this host has no extension with that id. Ids
   * look like "sluice.enqueue/1". [any-thread] */
  const void* (*get_extension)(const sluice_job* job, sluice_str id)SLUICE_NOEXCEPT;
} sluice_job_api;

/* All members are constant and valid until `handle` returns. */
struct sluice_job {
  uint32_t size;
  uint32_t slot; /* which slot runs it, from 0 */
  const sluice_job_api* api;
  void* host_data;            /* private to the host; do not touch */
  sluice_str id;              /* the row's id as the application chose it: any characters */
  sluice_str type;            /* "email.send" */
  sluice_str payload;         /* JSON text, already checked against the type's payload schema */
  sluice_str idempotency_key; /* the same in every attempt of this job, and of no other job */
  uint32_t attempt;           /* 1 for the first */
  uint32_t max_attempts;      /* this attempt is the last when attempt == max_attempts */
  int64_t created_at_us;      /* the row's "createdAt": the producer's clock, for display only */
  int64_t deadline_us;        /* when the job is cancelled, then killed; 0: no limit */
};

/* ---- The host, as the plugin sees it ---------------------------------------------------------- */

/* Valid from `init` until `shutdown` returns. */
typedef struct sluice_host {
  uint32_t size;
  uint16_t abi_major;
  uint16_t abi_minor;
  void* host_data;            /* private to the host; do not touch */
  sluice_str runtime_version; /* "0.1.0" */
  uint32_t slots;             /* how many slots this process has */
  uint32_t reserved;

  /* Writes a log line that does not belong to a job. [any-thread] */
  void (*log)(const struct sluice_host* host, int32_t level, sluice_str message,
              const sluice_field* const* fields, size_t field_count) SLUICE_NOEXCEPT;

  /* Sets why `init` or `slot_open` is about to return non-zero: what was tried, what came back, and what
   * to do. The last call counts. [main] in init, [slot] in slot_open */
  void (*set_error)(const struct sluice_host* host, sluice_str message) SLUICE_NOEXCEPT;

  /* Like sluice_job_api.get_extension, for extensions that do not concern a job. [any-thread] */
  const void* (*get_extension)(const struct sluice_host* host, sluice_str id)SLUICE_NOEXCEPT;
} sluice_host;

/* ---- What a plugin declares ------------------------------------------------------------------- */

/* Flags of a job type. */
enum {
  /* A crash, a time-out or a lost runtime ends the job, because it is unknown what the job did and it
   * must not be repeated. SLUICE_RETRY still retries, because then the handler knows. */
  SLUICE_AT_MOST_ONCE = 1,
  /* Running one of its jobs twice does no harm. The jobs start before the database has their claim on
   * disk. A database server that crashes may forget the claim, and then the attempt is not counted. Not
   * together with SLUICE_AT_MOST_ONCE. Since ABI 1.1; runtimes of 1.0 ignore it. */
  SLUICE_BRIEF = 2
};

/* One job type. For 0 or an empty string, the default in the runtime's configuration applies. The
 * operator can override each number. Constant for the life of the process. */
typedef struct sluice_job_type {
  uint32_t size;
  uint32_t flags;             /* SLUICE_AT_MOST_ONCE or SLUICE_BRIEF, or 0 */
  sluice_str name;            /* "email.send": 1 to 128 characters from a-z A-Z 0-9 . _ - : / */
  sluice_str summary;         /* one line for people */
  sluice_str payload_schema;  /* JSON Schema; empty: any payload */
  sluice_str payload_example; /* a payload that passes the schema */
  uint32_t max_attempts;      /* how many times a job is tried in all */
  uint32_t concurrency;       /* how many run at once in one runtime, in all its hosts */
  int64_t timeout_us;         /* how long one attempt may take */
  int64_t backoff_first_us;   /* the delay after the first failed attempt; doubles with each */
  int64_t backoff_cap_us;     /* the longest delay */

  /* Runs one job. `self` is what `init` stored, `slot` what `slot_open` stored (NULL without them).
   * Returns SLUICE_DONE, _RETRY, _FAIL, _SNOOZE or _CANCELLED. [slot] */
  int32_t (*handle)(void* self, void* slot, const sluice_job* job) SLUICE_NOEXCEPT;
} sluice_job_type;

/* The plugin. Function pointers may be NULL unless said otherwise. It is constant-initialised, because the
 * host reads it before it calls any of its functions. */
typedef struct sluice_plugin {
  uint32_t size;
  uint16_t abi_major; /* SLUICE_ABI_MAJOR */
  uint16_t abi_minor; /* SLUICE_ABI_MINOR */
  sluice_str name;    /* 1 to 64 characters from a-z 0-9 - _ : the name in configuration and status */
  sluice_str version; /* "1.0.0" */
  sluice_str vendor;
  sluice_str url;
  sluice_str license;
  sluice_str summary;                      /* one line for people */
  sluice_str config_schema;                /* JSON Schema of `config`; empty: any */
  const sluice_job_type* const* job_types; /* at least one; pointers, so the struct can grow */
  size_t job_type_count;

  /* Called once, before anything else. `config` is the plugin's configuration, a JSON object, "{}" if
   * there is none. The other functions get the pointer that it stores in `*self`. Returns 0 on success.
   * With any other value the plugin refuses to start, for the reason given to host->set_error. [main] */
  int32_t (*init)(const sluice_host* host, sluice_str config, void** self) SLUICE_NOEXCEPT;

  /* Called once, after the last slot was closed, if init succeeded. Not called if the process is killed.
   * [main] */
  void (*shutdown)(void* self) SLUICE_NOEXCEPT;

  /* Creates what one slot keeps between jobs: a connection, an arena. Called in the slot's thread before
   * its first job. Returns 0 on success; other values are treated as those of init. [slot] */
  int32_t (*slot_open)(void* self, const sluice_host* host, uint32_t slot_index, void** slot) SLUICE_NOEXCEPT;

  /* Destroys it, in the same thread, after the slot's last job. [slot] */
  void (*slot_close)(void* self, void* slot) SLUICE_NOEXCEPT;

  /* Returns an extension that the plugin offers to the host; NULL if it has none with that id. The
   * result is constant and lives as long as the process. [any-thread] */
  const void* (*get_extension)(sluice_str id)SLUICE_NOEXCEPT;

  /* What the plugin needs to do, a JSON object with the keys of [plugin.NAME.sandbox]; the kernel keeps it
   * from everything else. The operator's keys take precedence. Empty: what the operator's table says, and
   * everything if there is none. Since ABI 1.2; runtimes before that ignore it. */
  sluice_str sandbox;
} sluice_plugin;

/* ---- The exported symbol and the note --------------------------------------------------------- */

#define SLUICE_EXPORT __attribute__((visibility("default")))

/* Clang's address sanitizer would add padding around the note, which would make it invalid. */
#if defined(__clang__)
#define SLUICE_UNPADDED __attribute__((no_sanitize("address")))
#else
#define SLUICE_UNPADDED
#endif

#ifdef __cplusplus
#define SLUICE_EXTERN extern "C"
#else
#define SLUICE_EXTERN extern
#endif

/* The content of `.note.sluice`, an ELF note (name "sluice", type SLUICE_NOTE_TYPE). It can be read
 * without running any code, so a plugin of another ABI is refused with that ABI's version. */
#define SLUICE_NOTE_TYPE 1
typedef struct sluice_note {
  uint32_t name_size; /* 7: "sluice" and its NUL */
  uint32_t desc_size; /* the bytes from abi_major to the end */
  uint32_t type;      /* SLUICE_NOTE_TYPE */
  char name[8];
  uint32_t abi_major;
  uint32_t abi_minor;
  uint32_t plugin_size; /* sizeof(sluice_plugin), likewise the next two */
  uint32_t job_type_size;
  uint32_t job_size;
} sluice_note;

#define SLUICE_NOTE_INITIALISER                                                                          \
  {                                                                                                      \
    7, 5 * sizeof(uint32_t), SLUICE_NOTE_TYPE, "sluice", SLUICE_ABI_MAJOR, SLUICE_ABI_MINOR,             \
        (uint32_t)sizeof(sluice_plugin), (uint32_t)sizeof(sluice_job_type), (uint32_t)sizeof(sluice_job) \
  }

/*
 * Declares the plugin; at file scope, once per library:
 *
 *   SLUICE_DECLARE_PLUGIN = {
 *       sizeof(sluice_plugin), SLUICE_ABI_MAJOR, SLUICE_ABI_MINOR, SLUICE_STR("hello"), …
 *   };
 */
#define SLUICE_DECLARE_PLUGIN                                                                           \
  SLUICE_UNPADDED                                                                                       \
  __attribute__((section(".note.sluice"), aligned(4), used)) static const sluice_note sluice_abi_note = \
      SLUICE_NOTE_INITIALISER;                                                                          \
  SLUICE_EXTERN SLUICE_EXPORT const sluice_plugin sluice_plugin_v1;                                     \
  const sluice_plugin sluice_plugin_v1

#ifdef __cplusplus
}
#endif

#endif /* SLUICE_PLUGIN_H */
