/* Tests of the handler without a runtime, a database or a process. */
#include <sluice/testing.h>

#include "example.json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const sluice_plugin sluice_plugin_v1;

static int failures = 0;

static void expect(int holds, const char* what, const char* found) {
  if (holds) return;
  printf("failed: %s; found %s\n", what, found);
  ++failures;
}

/* Starts the plugin, runs the job and stops the plugin. If the plugin refuses to start, job->error says why.
 */
static int32_t run(sluice_fake_job* job) {
  sluice_started_plugin plugin;
  int32_t result;
  sluice_plugin_start(&plugin, &sluice_plugin_v1, "{}");
  result = sluice_started_run(&plugin, job, 0);
  sluice_plugin_stop(&plugin);
  return result;
}

static void greets_the_person_of_the_example(void) {
  sluice_fake_job job;
  sluice_fake_job_init(&job, example_json);
  expect(run(&job) == SLUICE_DONE, "the example is done", job.error);
  expect(strstr(job.log, "info: greeting person={\"name\": \"Ada\"}") == job.log, "the log names the person",
         job.log);
  expect(strstr(job.output, "{\"greeted\": {\"name\": \"Ada\"}") == job.output, "the output has the person",
         job.output);
}

static void stops_when_it_is_cancelled(void) {
  sluice_fake_job job;
  sluice_fake_job_init(&job, example_json);
  job.cancelled = 1;
  expect(run(&job) == SLUICE_CANCELLED, "a cancelled job returns cancelled", job.error);
  expect(job.log[0] == '\0', "a cancelled job logs nothing", job.log);
}

int main(void) {
  greets_the_person_of_the_example();
  stops_when_it_is_cancelled();
  printf("%s\n", failures == 0 ? "all tests passed" : "some tests failed");
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
