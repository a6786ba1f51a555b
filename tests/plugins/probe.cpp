// A plugin that does what its payload says, for the tests of the runtime.
//
//   {"do": "ok", "file": "/tmp/started", "end_file": "/tmp/ended", "ms": 20, "message": "..."}
//
// When the handler starts, it appends the line "<id> <attempt>" to `file`; before it returns, to `end_file`.
// Each line is one write with O_APPEND, so tests can count executions in several processes. Every action
// first sleeps for `ms`, without checking is_cancelled. `do` is one of `actions` below; the default is "ok".
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
#include <sluice/plugin.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

namespace {

using namespace std::chrono_literals;
using sluice::Job;
using sluice::Json;
using sluice::Result;
using std::chrono::milliseconds;

void append_line(const std::string& path, const Job& job) {
  if (path.empty()) return;
  const std::string line = std::string(job.id()) + ' ' + std::to_string(job.attempt()) + '\n';
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  const bool written = fd >= 0 && write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  if (fd >= 0) close(fd);
  if (!written) throw sluice::PermanentError("probe", "can't append to " + path);
}

std::string message(const Json& payload) {
  return payload.string_or("message", "as told");
}
std::size_t bytes(const Json& payload, std::int64_t fallback) {
  return static_cast<std::size_t>(payload.integer_or("bytes", fallback));
}

Result ok(Job&, const Json&) {
  return sluice::done();
}
Result fail(Job&, const Json& payload) {
  return sluice::fail("told-to-fail", message(payload));
}

/// {"after_ms": 50}: retries, with this delay if it is given.
Result retry(Job&, const Json& payload) {
  Result result = sluice::retry("told-to-retry", message(payload));
  if (const auto delay = payload.find("after_ms")) result.after(milliseconds(delay->as_integer()));
  return result;
}
/// {"until": 3}: retries until attempt 3, which is done.
Result retry_until(Job& job, const Json& payload) {
  return job.attempt() >= payload.integer("until") ? sluice::done() : retry(job, payload);
}
/// {"after_ms": 50}
Result snooze(Job&, const Json& payload) {
  return sluice::snooze(milliseconds(payload.integer_or("after_ms", 50)));
}
/// {"marker": "/tmp/seen", "after_ms": 50}: done if the file exists, otherwise creates it and snoozes.
Result snooze_once(Job& job, const Json& payload) {
  const std::string marker = payload.string("marker");
  if (access(marker.c_str(), F_OK) == 0) return sluice::done();
  append_line(marker, job);
  return snooze(job, payload);
}
/// {"type": "test.probe", "payload": "{}", "after_ms": 0, "unique": ""}: enqueues that job.
Result enqueue(Job& job, const Json& payload) {
  const std::string text = payload.string_or("payload", "{}");
  const std::string type = payload.string_or("type", "test.probe");
  const std::string key = payload.string_or("unique", "");
  job.enqueue({type, text, milliseconds(payload.integer_or("after_ms", 0)), key});
  return sluice::done();
}
/// {"count": 3, "type": "test.other"}: enqueues `count` jobs.
Result enqueue_many(Job& job, const Json& payload) {
  const std::string type = payload.string_or("type", "test.other");
  for (std::int64_t i = 0; i < payload.integer_or("count", 1); ++i) job.enqueue({type, "{}"});
  return sluice::done();
}
/// {"sql": "INSERT ...", "then": "UPDATE ...", "result": "retry"}: executes `sql` with the job's id, a number
/// and NULL as parameters, and then `then`.
Result effect(Job& job, const Json& payload) {
  job.execute(payload.string("sql"), {job.id(), 42, nullptr});
  if (const auto then = payload.find("then")) job.execute(payload.string("then"), {});
  return payload.string_or("result", "done") == "done" ? sluice::done() : retry(job, payload);
}
Result cancelled(Job&, const Json&) {
  return sluice::cancelled();
}
Result throw_standard(Job&, const Json& payload) {
  throw std::runtime_error(message(payload));
}
Result throw_odd(Job&, const Json&) {
  throw 42;
}
Result odd_result(Job&, const Json&) {
  return Result(77);
}

[[gnu::noinline, gnu::no_sanitize("undefined")]] void write_to_null() {
  static volatile int* volatile nowhere =
      nullptr;  // volatile itself, because otherwise the compiler drops the store
  *nowhere = 1;
}
Result crash(Job&, const Json&) {
  write_to_null();
  return sluice::done();
}
Result abort_process(Job&, const Json&) {
  std::abort();
}
/// {"code": 0}
Result exit_process(Job&, const Json& payload) {
  std::exit(static_cast<int>(payload.integer_or("code", 0)));
}
/// {"signal": 9}
Result kill_process(Job&, const Json& payload) {
  kill(getpid(), static_cast<int>(payload.integer_or("signal", SIGKILL)));
  std::this_thread::sleep_for(10s);
  return sluice::done();
}

[[gnu::noinline]] int sink(int depth) {
  volatile char frame[512] = {static_cast<char>(depth)};
  return depth < 0 ? 0
                   : frame[0] + sink(depth + 1) +
                         frame[0];  // work after the call, so that it does not become a loop
}
Result overflow_stack(Job&, const Json&) {
  return Result(sink(0));
}

/// {"bytes": 100}: prints lines, one of them with that many bytes, odd bytes, and a last line without a line
/// break.
Result print(Job&, const Json& payload) {
  const std::string long_line(bytes(payload, 100), 'x');
  std::printf("%s on stdout\n%s\n\xff\xfe\x01 odd bytes\n", message(payload).c_str(), long_line.c_str());
  std::printf("half a line on stdout");
  std::fflush(stdout);
  std::fprintf(stderr, "%s on stderr\n\x1b[31mred\x1b[0m\nhalf a line on stderr", message(payload).c_str());
  return sluice::done();
}
/// Outputs the payload's "value", or a text of n bytes for {"bytes": n}.
Result output(Job& job, const Json& payload) {
  if (const auto value = payload.find("value")) {
    job.output(value->value());
  } else {
    job.output('"' + std::string(bytes(payload, 10), 'o') + '"');
  }
  return sluice::done();
}
Result bad_output(Job& job, const Json&) {
  job.output("{not json");
  return sluice::done();
}
/// {"steps": 4, "step_ms": 5}
Result progress(Job& job, const Json& payload) {
  const auto steps = payload.integer_or("steps", 4);
  for (std::int64_t step = 1; step <= steps; ++step) {
    std::this_thread::sleep_for(milliseconds(payload.integer_or("step_ms", 5)));
    job.progress(static_cast<double>(step) / static_cast<double>(steps), "step " + std::to_string(step));
  }
  return sluice::done();
}
/// {"fraction": 0.5, "note": "half", "times": 0}: reports progress `times` times; 0: once, then waits.
Result talk(Job& job, const Json& payload) {
  const auto times = payload.integer_or("times", 0);
  const double fraction = payload.number("fraction");
  const std::string note = payload.string("note");
  for (std::int64_t i = 0; i < std::max<std::int64_t>(times, 1); ++i) job.progress(fraction, note);
  while (times == 0 && !job.is_cancelled()) std::this_thread::sleep_for(1ms);
  return times == 0 ? sluice::cancelled() : sluice::done();
}
/// {"lines": 1}
Result log(Job& job, const Json& payload) {
  for (std::int64_t line = 0; line < payload.integer_or("lines", 1); ++line) {
    job.log().info(message(payload),
                   {{"text", "\"quoted\""}, {"number", 12.5}, {"line", line}, {"yes", true}});
    job.log().debug("for people who look closely");
    job.log().error("nothing is wrong");
  }
  return sluice::done();
}
Result wait_cancel(Job& job, const Json&) {
  while (!job.is_cancelled()) std::this_thread::sleep_for(1ms);
  return sluice::cancelled();
}
Result act(Job& job, const Json& payload, std::string_view name);

/// {"gate": "/tmp/go", "after": "fail"}: waits until "/tmp/go-<attempt>" exists, then runs action `after`.
Result wait_file(Job& job, const Json& payload) {
  const std::string gate = payload.string("gate") + "-" + std::to_string(job.attempt());
  while (access(gate.c_str(), F_OK) != 0) std::this_thread::sleep_for(1ms);
  return act(job, payload, payload.string_or("after", "ok"));
}
/// Never returns and never checks is_cancelled.
Result hang(Job&, const Json&) {
  for (;;) std::this_thread::sleep_for(1h);
}
/// {"bytes": 1000000}: allocates, writes and frees that much memory.
Result allocate(Job&, const Json& payload) {
  const std::string memory(bytes(payload, 1'000'000), 'm');
  return memory.empty() ? sluice::retry("empty") : sluice::done();
}

struct Action {
  std::string_view name;
  Result (*run)(Job&, const Json&);
};
constexpr Action actions[] = {
    {"ok", ok},
    {"sleep", ok},  // for {"ms": ...}
    {"fail", fail},
    {"retry", retry},
    {"retry_until", retry_until},
    {"snooze", snooze},
    {"snooze_once", snooze_once},
    {"enqueue", enqueue},
    {"enqueue_many", enqueue_many},
    {"effect", effect},
    {"cancelled", cancelled},
    {"throw", throw_standard},
    {"throw_odd", throw_odd},
    {"odd_result", odd_result},
    {"crash", crash},
    {"abort", abort_process},
    {"exit", exit_process},
    {"kill", kill_process},
    {"overflow_stack", overflow_stack},
    {"print", print},
    {"output", output},
    {"bad_output", bad_output},
    {"progress", progress},
    {"talk", talk},
    {"log", log},
    {"wait_cancel", wait_cancel},
    {"wait_file", wait_file},
    {"hang", hang},
    {"allocate", allocate},
};

Result act(Job& job, const Json& payload, std::string_view name) {
  for (const Action& action : actions) {
    if (action.name == name) return action.run(job, payload);
  }
  return sluice::fail("probe", "no such action: " + std::string(name));
}

Result probe(Job& job) {
  const Json payload = job.payload();
  const std::string name = payload.string_or("do", "ok");
  append_line(payload.string_or("file", ""), job);
  if (const auto ms = payload.integer_or("ms", 0); ms > 0) std::this_thread::sleep_for(milliseconds(ms));
  Result result = act(job, payload, name);
  append_line(payload.string_or("end_file", ""), job);
  return result;
}

constexpr auto strict_schema = R"({
  "type": "object",
  "required": ["to"],
  "properties": {
    "to": {"type": "string", "pattern": "^[^@ ]+@[^@ ]+$"},
    "count": {"type": "integer", "minimum": 1, "maximum": 10}
  },
  "additionalProperties": false
})";

}  // namespace

SLUICE_PLUGIN(
    sluice::plugin("probe", "1.2.3")
        .vendor("Sluice's tests")
        .url("https://example.com/probe")
        .license("Apache-2.0")
        .summary("Does what a payload says"),
    sluice::job_type<probe>("test.probe").summary("Does what its payload says").example(R"({"do": "ok"})"),
    sluice::job_type<probe>("test.other").summary("A second type"),
    sluice::job_type<probe>("test.once").summary("Never repeated after a crash").at_most_once(),
    sluice::job_type<probe>("test.brief").summary("Written once").brief(),
    sluice::job_type<probe>("test.single").summary("One at a time").concurrency(1),
    sluice::job_type<probe>("test.limits")
        .summary("Has defaults of its own")
        .max_attempts(2)
        .timeout(500ms)
        .backoff(10ms, 40ms),
    sluice::job_type<probe>("test.strict")
        .summary("Its payload is checked")
        .schema(strict_schema)
        .example(R"({"to": "ada@example.com", "count": 3})"));
