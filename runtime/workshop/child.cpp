#include "workshop/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <system_error>

#include "base/descriptor.hpp"
#include "base/duration.hpp"
#include "base/threads.hpp"
#include "fleet/orphans.hpp"
#include "fleet/spawn.hpp"

namespace sluice::workshop {

namespace {

using Clock = base::Clock;

constexpr const char* debug_it = "run it under a debugger, or look at what it prints";

/// A finding as bytes: the verdict, then two texts, the first of which ends with NUL.
std::string packed(const Finding& finding) {
  return std::to_string(static_cast<int>(finding.verdict)) + finding.found + '\0' + finding.remedy;
}

Finding unpacked(const std::string& bytes) {
  const std::size_t end = bytes.find('\0');
  return {"", "", static_cast<Verdict>(bytes.at(0) - '0'), bytes.substr(1, end - 1), bytes.substr(end + 1)};
}

[[noreturn]] void be_the_child(const std::function<Finding()>& check, int out) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(nowhere, fd);
  Finding finding;
  try {
    finding = check();
  } catch (const std::exception& error) {
    finding = refused(error.what());
  }
  const std::string bytes = packed(finding);
  const bool written = write(out, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  _exit(written ? 0 : 1);
}

/// Reads to the end; false if that does not come in time.
bool read_all(int fd, std::string& bytes, std::chrono::microseconds limit) {
  const Clock::time_point deadline = Clock::now() + limit;
  std::array<char, 4096> buffer;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd one{fd, POLLIN, 0};
    const int ready = left <= 0 ? 0 : poll(&one, 1, static_cast<int>(left));
    if (ready == 0) return false;
    if (ready < 0 && errno == EINTR) continue;
    const ssize_t size = read(fd, buffer.data(), buffer.size());
    if (size <= 0) return true;
    bytes.append(buffer.data(), static_cast<std::size_t>(size));
  }
}

}  // namespace

Finding in_child(const std::function<Finding()>& check, std::chrono::microseconds limit) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0)
    throw std::system_error(errno, std::generic_category(), "starting a check");
  const base::Descriptor in(ends[0]);
  base::Descriptor out(ends[1]);
  std::fflush(nullptr);
  const pid_t pid = fork();
  if (pid < 0) throw std::system_error(errno, std::generic_category(), "starting a check");
  if (pid == 0) be_the_child(check, out.get());
  fleet::know_child(pid);
  out.reset();
  std::string bytes;
  const bool in_time = read_all(in.get(), bytes, limit);
  if (!in_time) kill(pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  fleet::forget_child(pid);
  if (!in_time) return failed("did not end within " + base::format_duration(limit), debug_it);
  if (bytes.find('\0') == std::string::npos)
    return failed("its process " + fleet::describe_exit(status), debug_it);
  return unpacked(bytes);
}

}  // namespace sluice::workshop
