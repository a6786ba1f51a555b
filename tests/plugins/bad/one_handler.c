/* Plugins that load, but whose handler, init or shutdown has a fault that only `plugin check` finds.
 * ../CMakeLists.txt says which definition causes which fault. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sluice/plugin.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef EXAMPLE
#define EXAMPLE "{\"n\": 1}"
#endif
#ifndef CONCURRENCY
#define CONCURRENCY 0
#endif

#define SAY(host, literal)                           \
  do {                                               \
    const sluice_str sentence = SLUICE_STR(literal); \
    (host)->set_error((host), sentence);             \
  } while (0)

#ifdef LEAKS_THREADS
static void* wait_for_ever(void* nothing) {
  for (;;) pause();
  return nothing;
}
#endif

#ifdef NOT_REENTRANT
static volatile int running;
#endif

static int32_t handle(void* self, void* slot, const sluice_job* job) {
  const int is_example =
      job->payload.size == sizeof EXAMPLE - 1 && memcmp(job->payload.data, EXAMPLE, sizeof EXAMPLE - 1) == 0;
  (void)self, (void)slot, (void)is_example;
#if defined(IGNORES_CANCELLATION)
  for (;;) pause();
#elif defined(HONOURS_CANCELLATION)
  while (job->api->is_cancelled(job) == 0) usleep(1 * 1000U);
  return SLUICE_CANCELLED;
#elif defined(NOT_REENTRANT)
  if (__atomic_add_fetch(&running, 1, __ATOMIC_SEQ_CST) > 1) abort();
  usleep(2 * 1000U);
  __atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
#elif defined(ODD_RESULT)
  return 77;
#elif defined(CRASHES)
  raise(SIGSEGV);
#elif defined(CRASHES_ON_ODD_PAYLOAD)
  if (!is_example) raise(SIGSEGV);
#elif defined(HANGS_ON_ODD_PAYLOAD)
  while (!is_example) pause();
#elif defined(LEAKS_MEMORY)
  static void* volatile last; /* volatile, because otherwise the compiler removes the unused memory */
  last = malloc(LEAKS_MEMORY);
  memset(last, 1, LEAKS_MEMORY);
#elif defined(LEAKS_FILES)
  if (open("/dev/null", O_RDONLY) < 0) return SLUICE_RETRY;
#elif defined(LEAKS_THREADS)
  pthread_t thread;
  if (pthread_create(&thread, NULL, wait_for_ever, NULL) != 0) return SLUICE_RETRY;
  pthread_detach(thread);
#endif
  return SLUICE_DONE;
}

static int32_t init(const sluice_host* host, sluice_str config, void** self) {
  (void)host, (void)config, (void)self;
#if defined(SILENT_INIT)
  return 3;
#elif defined(CRASHES_ON_ODD_CONFIG)
  if (config.size != 2) raise(SIGSEGV);
#elif defined(LEAVES_A_LOCK)
  const int lock = open(getenv("TEST_LOCK"), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (lock < 0) {
    SAY(host, "the lock file is there already");
    return 1;
  }
  close(lock);
#endif
  return 0;
}

static void stop(void* self) {
  (void)self;
#if defined(CRASHES_IN_SHUTDOWN)
  raise(SIGSEGV);
#elif defined(HANGS_IN_SHUTDOWN)
  for (;;) pause();
#endif
}

#ifdef SLOW_TO_LOAD
__attribute__((constructor)) static void initialise(void) {
  usleep(SLOW_TO_LOAD * 1000U);
}
#endif

#ifdef EXTRA_SYMBOL
SLUICE_EXPORT int sluice_test_extra(void);
int sluice_test_extra(void) {
  return 1;
}
#endif

#ifdef STATIC_TLS
static __thread int counter __attribute__((tls_model("initial-exec")));
int* sluice_test_counter(void);
int* sluice_test_counter(void) {
  return &counter;
}
#endif

#ifdef BORROWS
extern int BORROWS(void);
int sluice_test_borrow(void);
int sluice_test_borrow(void) {
  return BORROWS();
}
#endif

static const sluice_job_type type = {
    .size = sizeof(sluice_job_type),
    .name = SLUICE_STR("odd." NAME),
    .payload_schema =
        SLUICE_STR("{\"type\": \"object\", \"required\": [\"n\"], "
                   "\"properties\": {\"n\": {\"type\": \"integer\"}, \"note\": {\"type\": \"string\"}}}"),
    .payload_example = SLUICE_STR(EXAMPLE),
    .concurrency = CONCURRENCY,
    .handle = handle};
static const sluice_job_type* const types[] = {&type};

SLUICE_DECLARE_PLUGIN = {.size = sizeof(sluice_plugin),
                         .abi_major = SLUICE_ABI_MAJOR,
                         .abi_minor = SLUICE_ABI_MINOR,
                         .name = SLUICE_STR(NAME),
                         .version = SLUICE_STR("0.0.1"),
                         .job_types = types,
                         .job_type_count = 1,
                         .init = init,
                         .shutdown = stop};
