/* Job type greet.c: greets a person in the log. */
#include <sluice/plugin.h>

#include "example.json.h"
#include "schema.json.h"

#include <stdlib.h>
#include <string.h>

static void fail(const sluice_job* job, const char* code, const char* message) {
  const sluice_str code_text = {code, strlen(code)};
  const sluice_str message_text = {message, strlen(message)};
  job->api->set_error(job, code_text, message_text);
}

/* The output {"greeted": <payload>}, to be freed; NULL if there is no memory. */
static char* greeted(sluice_str payload, size_t* size) {
  static const char before[] = "{\"greeted\": ";
  char* output;
  *size = sizeof before - 1 + payload.size + 1;
  output = malloc(*size);
  if (output == NULL) return NULL;
  memcpy(output, before, sizeof before - 1);
  memcpy(output + sizeof before - 1, payload.data, payload.size);
  output[*size - 1] = '}';
  return output;
}

/* The payload has already been checked against the schema. To read its members, link a JSON library. */
static int32_t run(void* self, void* slot, const sluice_job* job) {
  const sluice_str message = SLUICE_STR("greeting");
  const sluice_field person = {sizeof(sluice_field), SLUICE_FIELD_JSON, SLUICE_STR("person"), job->payload};
  const sluice_field* const fields[] = {&person};
  sluice_str output;
  char* text;
  (void)self; /* the state made by `init`: to have one, set .init and .shutdown below */
  (void)slot; /* the state of this slot's thread, made by `slot_open` */
  if (job->api->is_cancelled(job)) return SLUICE_CANCELLED;

  job->api->log(job, SLUICE_LOG_INFO, message, fields, 1);
  text = greeted(job->payload, &output.size);
  if (text == NULL) {
    fail(job, "no-memory", "not enough memory for the output");
    return SLUICE_RETRY;
  }
  output.data = text;
  job->api->set_output(job, output);
  free(text);
  return SLUICE_DONE;
}

static const sluice_job_type type = {
    .size = sizeof(sluice_job_type),
    .name = SLUICE_STR("greet.c"),
    .summary = SLUICE_STR("Greets a person"),
    .payload_schema = SLUICE_STR(schema_json),
    .payload_example = SLUICE_STR(example_json),
    .timeout_us = 30 * 1000 * 1000,
    .max_attempts = 5,
    .handle = run,
};
static const sluice_job_type* const types[] = {&type};

SLUICE_DECLARE_PLUGIN = {
    .size = sizeof(sluice_plugin),
    .abi_major = SLUICE_ABI_MAJOR,
    .abi_minor = SLUICE_ABI_MINOR,
    .name = SLUICE_STR("hello-c"),
    .version = SLUICE_STR("1.0.0"),
    .summary = SLUICE_STR("Greets people in the log"),
    .job_types = types,
    .job_type_count = 1,
};
