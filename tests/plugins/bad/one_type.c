/* A plugin with one job type. Definitions can break each part of it; ../CMakeLists.txt lists them. */
#include <signal.h>
#include <sluice/plugin.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef PLUGIN_NAME
#define PLUGIN_NAME DEFAULT_NAME
#endif
#ifndef TYPE_NAME
#define TYPE_NAME "broken." DEFAULT_NAME
#endif
#if defined(RING_SCHEMA)
#define PAYLOAD_SCHEMA                                                                                \
  "{\"$ref\": \"#/definitions/a\", \"definitions\": {\"a\": {\"$ref\": \"#/definitions/b\"}, \"b\": " \
  "{\"$ref\": \"#\"}}}"
#elif defined(MISSPELT_SCHEMA)
#define PAYLOAD_SCHEMA "{\"properties\": {\"to\": {\"patern\": \"@\"}}}"
#endif
#ifndef PAYLOAD_SCHEMA
#define PAYLOAD_SCHEMA ""
#endif
#ifndef CONFIG_SCHEMA
#define CONFIG_SCHEMA ""
#endif
#ifndef DESCRIPTOR_MAJOR
#define DESCRIPTOR_MAJOR SLUICE_ABI_MAJOR
#endif
#ifndef NOTE_MAJOR
#define NOTE_MAJOR SLUICE_ABI_MAJOR
#endif
#ifndef DESCRIPTOR_SIZE
#define DESCRIPTOR_SIZE sizeof(sluice_plugin)
#endif
#ifndef TYPES
#define TYPES &type
#endif
#ifndef TYPE_COUNT
#define TYPE_COUNT 1
#endif
#ifndef FLAGS
#define FLAGS 0
#endif
#ifndef HANDLE
#define HANDLE handle
#endif
#ifndef INIT
#define INIT NULL
#endif
#ifndef SLOT_OPEN
#define SLOT_OPEN NULL
#endif

#define SAY(host, literal)                           \
  do {                                               \
    const sluice_str sentence = SLUICE_STR(literal); \
    (host)->set_error((host), sentence);             \
  } while (0)

void stop(void);
void stop(void) {
#if defined(CRASHES)
  raise(SIGSEGV);
#elif defined(EXITS)
  exit(0);
#elif defined(HANGS)
  for (;;) pause();
#elif defined(CALLS)
  extern void CALLS(void);
  CALLS();
#endif
}

#ifdef STATIC_INITIALISER
__attribute__((constructor)) static void initialise(void) {
  stop();
}
#endif

int32_t handle(void* self, void* slot, const sluice_job* job);
int32_t handle(void* self, void* slot, const sluice_job* job) {
  (void)self, (void)slot, (void)job;
  stop();
  return SLUICE_DONE;
}

int32_t stop_in_init(const sluice_host* host, sluice_str config, void** self);
int32_t stop_in_init(const sluice_host* host, sluice_str config, void** self) {
  (void)host, (void)config, (void)self;
  stop();
  return 0;
}

int32_t refuse_init(const sluice_host* host, sluice_str config, void** self);
int32_t refuse_init(const sluice_host* host, sluice_str config, void** self) {
  (void)config, (void)self;
  SAY(host, "can't reach mail.example.com:25: connection refused; check the plugin's setting \"server\"");
  return 3;
}

int32_t refuse_slot(void* self, const sluice_host* host, uint32_t index, void** slot);
int32_t refuse_slot(void* self, const sluice_host* host, uint32_t index, void** slot) {
  (void)self, (void)index, (void)slot;
  SAY(host, "can't open a connection: too many are open; lower the plugin's number of slots");
  return 4;
}

int32_t talk_in_init(const sluice_host* host, sluice_str config, void** self);
int32_t talk_in_init(const sluice_host* host, sluice_str config, void** self) {
  const size_t size = 50 * 1000 * 1000;
  char* const words = malloc(size);
  const sluice_str view = {words, size};
  (void)config, (void)self;
  memset(words, 'w', size);
  host->set_error(host, view);
  return 5;
}

#ifdef HUGE_SCHEMA
static const char huge_schema[2 * 1024 * 1024] = {'{', '}'};
#endif

const sluice_job_type type = {.size = sizeof(sluice_job_type),
                              .flags = FLAGS,
                              .name = SLUICE_STR(TYPE_NAME),
#ifdef HUGE_SCHEMA
                              .payload_schema = {huge_schema, sizeof huge_schema},
#else
                              .payload_schema = SLUICE_STR(PAYLOAD_SCHEMA),
#endif
                              .handle = HANDLE};
const sluice_job_type* const types[] = {TYPES};

#ifndef WITHOUT_NOTE
SLUICE_UNPADDED __attribute__((section(".note.sluice"), aligned(4), used)) static const sluice_note note = {
    7, 5 * sizeof(uint32_t),  SLUICE_NOTE_TYPE,        "sluice",          NOTE_MAJOR,
    0, sizeof(sluice_plugin), sizeof(sluice_job_type), sizeof(sluice_job)};
#endif

#ifndef WITHOUT_DESCRIPTOR
SLUICE_EXPORT const sluice_plugin sluice_plugin_v1 = {.size = DESCRIPTOR_SIZE,
                                                      .abi_major = DESCRIPTOR_MAJOR,
                                                      .name = SLUICE_STR(PLUGIN_NAME),
                                                      .version = SLUICE_STR("0.0.1"),
                                                      .config_schema = SLUICE_STR(CONFIG_SCHEMA),
                                                      .job_types = types,
                                                      .job_type_count = TYPE_COUNT,
                                                      .init = INIT,
                                                      .slot_open = SLOT_OPEN};
#endif
