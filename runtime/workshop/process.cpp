#include "workshop/process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "base/threads.hpp"
#include "fleet/orphans.hpp"

namespace sluice::workshop {

namespace {

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (const std::string& text : texts) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

void reset_signals(int ignored) {
  for (int number = 1; number < NSIG; ++number) signal(number, number == ignored ? SIG_IGN : SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

bool become(const User& user) {
  return setgroups(0, nullptr) == 0 && setgid(user.gid) == 0 && setuid(user.uid) == 0;
}

/// What the child does before it executes its program. Nothing here may allocate memory.
struct Child {
  const Launch& launch;
  char* const* words;
  char* const* environment;
  pid_t parent;

  bool prepare() const {
    if (setpgid(0, 0) != 0) return false;
    reset_signals(launch.ignored_signal);
    const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (dup2(nothing, STDIN_FILENO) < 0) return false;
    if (launch.out >= 0 && dup2(launch.out, STDOUT_FILENO) < 0) return false;
    if (launch.err >= 0 && dup2(launch.err, STDERR_FILENO) < 0) return false;
    if (launch.user && !become(*launch.user)) return false;
    if (!launch.directory.empty() && chdir(launch.directory.c_str()) != 0) return false;
    prctl(PR_SET_PDEATHSIG, launch.death_signal);  // last, because a change of user resets it
    return getppid() == parent;
  }

  [[noreturn]] void run(int report) const {
    if (prepare()) execve(words[0], words, environment);
    const int error = errno;
    const bool reported = write(report, &error, sizeof error) == sizeof error;
    _exit(reported ? 127 : 126);
  }
};

bool readable(int fd, std::chrono::milliseconds limit) {
  const auto end = base::Clock::now() + limit;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - base::Clock::now()).count();
    pollfd one{fd, POLLIN, 0};
    const int ready = poll(&one, 1, left < 0 ? 0 : static_cast<int>(left));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

}  // namespace

/// The function of glibc 2.36 lacks C linkage in its header.
int open_process(pid_t pid) {
  return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}

Process::Process(const Launch& launch) {
  fleet::adopt_orphans();
  const auto fail = [&](int error) {
    throw std::system_error(error, std::generic_category(), "starting " + launch.words.front());
  };
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) fail(errno);
  const base::Descriptor in(ends[0]);
  base::Descriptor report(ends[1]);
  const std::vector<char*> words = pointers(launch.words);
  const std::vector<char*> variables =
      launch.environment ? pointers(*launch.environment) : std::vector<char*>();
  const Child child{launch, words.data(), launch.environment ? variables.data() : environ, getpid()};
  pid_ = fork();
  if (pid_ < 0) fail(errno);
  if (pid_ == 0) child.run(report.get());
  fleet::know_child(pid_);
  report.reset();
  handle_.reset(open_process(pid_));
  const int handle_error = errno;
  int error = 0;
  const bool failed = read(in.get(), &error, sizeof error) == sizeof error;
  if (!failed && handle_.open()) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  fleet::forget_child(pid_);
  fail(failed ? error : handle_error);
}

Process::~Process() {
  constexpr std::chrono::seconds patience{3};
  end(SIGTERM, patience);
}

std::optional<int> Process::ended() {
  int status = 0;
  if (!status_ && waitpid(pid_, &status, WNOHANG) == pid_) keep(status);
  return status_;
}

int Process::wait() {
  int status = 0;
  while (!status_ && waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  if (!status_) keep(status);
  return *status_;
}

void Process::keep(int status) {
  status_ = status;
  fleet::forget_child(pid_);
}

void Process::signal(int number) {
  if (!ended()) kill(pid_, number);
}

void Process::end(int number, std::chrono::milliseconds patience) {
  if (ended()) return;
  kill(-pid_, number);
  readable(handle_.get(), patience);
  kill(-pid_, SIGKILL);  // also the rest of its group, whose number stays reserved until it is waited for
  wait();
  fleet::end_all_orphans(patience);
}

}  // namespace sluice::workshop
