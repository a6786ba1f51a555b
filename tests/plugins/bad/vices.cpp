// A plugin that attacks the runtime or the machine. Its payload names the attack, one of `actions` below:
// {"do": "cut_page", "file": "/tmp/pid"}. The number of a process that it leaves behind is written to `file`.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <sluice/plugin.hpp>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace {

using sluice::Job;
using sluice::Json;
using sluice::Result;

constexpr int socket_fd = 3;
constexpr int page_fd = 4;
constexpr std::size_t huge = 50'000'000;

std::string error_of(int result) {
  return result < 0 ? std::strerror(errno) : "allowed";
}

void write_to(const std::string& path, const std::string& text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  const ssize_t written = write(fd, text.data(), text.size());
  close(fd);
  if (written != static_cast<ssize_t>(text.size()))
    throw sluice::PermanentError("vices", "can't write " + path);
}

Result ok(Job&, const Json&) {
  return sluice::done();
}

/// Tries to shrink and to grow the memory that it shares with the runtime. The output has the results.
Result cut_page(Job& job, const Json&) {
  const std::string cut = error_of(ftruncate(page_fd, 0));
  const std::string stretched = error_of(ftruncate(page_fd, 1 << 30));
  const std::string output = R"({"cut":")" + cut + R"(","stretched":")" + stretched + R"("})";
  job.output(std::string_view(output));
  return sluice::done();
}

/// Moves into the runtime's process group, and never returns.
Result leave_group(Job& job, const Json& payload) {
  const int result = setpgid(0, getpgid(getppid()));
  write_to(payload.string("file"), error_of(result) + "\n");
  (void)job;
  for (;;) pause();
}

/// Leaves an orphan process in its own session.
Result leave_child(Job&, const Json& payload) {
  const pid_t child = fork();
  if (child == 0) {
    setsid();
    if (fork() != 0) _exit(0);
    write_to(payload.string("file"), std::to_string(getpid()) + "\n");
    for (;;) pause();
  }
  waitpid(child, nullptr, 0);
  return sluice::done();
}
Result leave_child_and_crash(Job& job, const Json& payload) {
  static_cast<void>(leave_child(job, payload));
  struct stat file;  // waits for the child's line, because the child is killed when its host dies
  while (stat(payload.string("file").c_str(), &file) != 0 || file.st_size == 0) usleep(1000);
  raise(SIGKILL);
  return sluice::done();
}

Result huge_code(Job&, const Json&) {
  return sluice::fail(std::string(huge, 'c'), std::string(huge, 'm'));
}
Result huge_output(Job& job, const Json&) {
  const std::string output = '"' + std::string(huge, 'o') + '"';
  job.output(std::string_view(output));
  return sluice::done();
}
Result huge_log(Job& job, const Json&) {
  job.log().info(std::string(huge, 'l'), {{"field", std::string(huge, 'f')}});
  return sluice::fail("logged", "for the log's tail");
}
Result huge_wishes(Job& job, const Json&) {
  const std::string payload = '"' + std::string(huge, 'p') + '"';
  job.enqueue({"test.vices", payload});
  return sluice::done();
}
Result huge_note(Job& job, const Json&) {
  job.progress(0.5, std::string(huge, 'n'));
  return sluice::done();
}

/// Writes the header of a frame of 1 GiB to the runtime's socket.
Result huge_frame(Job&, const Json&) {
  const std::uint32_t length = 1U << 30;
  const ssize_t size = write(socket_fd, &length, sizeof length);
  for (int i = 0; i < 1000 && size > 0; ++i) usleep(10'000);
  return sluice::done();
}

/// Tries to read its parent's environment and memory. The output has the results.
Result look_at_parent(Job& job, const Json&) {
  const std::string directory = "/proc/" + std::to_string(getppid());
  const auto look = [&](const std::string& name) {
    const int fd = open((directory + name).c_str(), O_RDONLY | O_CLOEXEC);
    const std::string result = error_of(fd);
    if (fd >= 0) close(fd);
    return result;
  };
  const std::string output = R"({"environ":")" + look("/environ") + R"(","mem":")" + look("/mem") + R"("})";
  job.output(std::string_view(output));
  return sluice::done();
}

struct Action {
  std::string_view name;
  Result (*act)(Job&, const Json&);
};
constexpr Action actions[] = {{"ok", ok},
                              {"cut_page", cut_page},
                              {"leave_group", leave_group},
                              {"leave_child", leave_child},
                              {"leave_child_and_crash", leave_child_and_crash},
                              {"huge_code", huge_code},
                              {"huge_output", huge_output},
                              {"huge_log", huge_log},
                              {"huge_wishes", huge_wishes},
                              {"huge_note", huge_note},
                              {"huge_frame", huge_frame},
                              {"look_at_parent", look_at_parent}};

Result act(Job& job) {
  const std::string wanted = job.payload().string_or("do", "ok");
  for (const Action& action : actions) {
    if (action.name == wanted) return action.act(job, job.payload());
  }
  return sluice::fail("no-such-vice", wanted);
}

}  // namespace

// The texts contain escape sequences of terminals, and line breaks that would forge rows of a table.
SLUICE_PLUGIN(sluice::plugin("vices", "1.0\x1b[2J\nfake 9.9.9  fake.so  fake.type")
                  .summary("turned \xe2\x80\xae around")
                  .url("https://example.com/\x1b]0;owned\x07")
                  .config_schema(R"({"properties": {"known": {"type": "string"}}})"),
              sluice::job_type<act>("test.vices")
                  .summary("first line\nsecond line \x1b[31m")
                  .schema(R"({"properties": {"do": {"type": "string"}, "file": {"type": "string"}}})")
                  .example(R"({"do": "ok", "more": 1})"));
