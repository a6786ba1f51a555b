#include "fleet/spawn.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

#include "base/threads.hpp"
#include "base/version.hpp"
#include "fleet/host_limits.hpp"
#include "fleet/host_program.hpp"
#include "fleet/host_share.hpp"
#include "fleet/orphans.hpp"
#include "wire/descriptors.hpp"

extern char** environ;

namespace sluice::fleet {

namespace {

constexpr int first_free_fd = 10;  // above the fixed descriptors of the child

[[noreturn]] void fail(int error, const char* what) {
  throw std::system_error(error, std::generic_category(), std::string("starting a plugin host: ") + what);
}

/// Moves `fd` out of the way of the child's fixed descriptors.
base::Descriptor lifted(int fd) {
  const base::Descriptor low(fd);
  base::Descriptor high(fcntl(fd, F_DUPFD_CLOEXEC, first_free_fd));
  if (!high.open()) fail(errno, "fcntl");
  return high;
}

struct Pair {
  base::Descriptor ours;
  base::Descriptor theirs;
};

Pair make_socket() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) fail(errno, "socketpair");
  return {lifted(ends[0]), lifted(ends[1])};
}

Pair make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) fail(errno, "pipe");
  return {lifted(ends[0]), lifted(ends[1])};
}

void set_nonblocking(const base::Descriptor& fd) {
  fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
}

class SpawnSetup {
 public:
  SpawnSetup() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigset_t defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGPIPE, SIGUSR1, SIGUSR2})
      sigaddset(&defaults, signal);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &defaults);
    posix_spawnattr_setflags(&attributes_,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  }
  ~SpawnSetup() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;

  void give(int fd, int as) { posix_spawn_file_actions_adddup2(&actions_, fd, as); }

  pid_t run(const std::string& executable, const std::vector<const char*>& arguments,
            const std::vector<const char*>& environment) const {
    pid_t pid = -1;
    const int error =
        posix_spawn(&pid, executable.c_str(), &actions_, &attributes_,
                    const_cast<char* const*>(arguments.data()), const_cast<char* const*>(environment.data()));
    if (error != 0) fail(error, executable.c_str());
    return pid;
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

/// Never forgotten, so a secret that is no longer granted stays out of all hosts.
std::set<std::string>& secret_variables() {
  static std::set<std::string> variables;
  return variables;
}

std::vector<const char*> clean_environment() {
  std::vector<const char*> kept;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!is_withheld(*variable)) kept.push_back(*variable);
  }
  kept.push_back(nullptr);
  return kept;
}

/// What counts towards RLIMIT_DATA, roughly.
std::int64_t data_size(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/statm");
  std::int64_t pages = 0;
  for (int field = 0; field < 6; ++field) file >> pages;
  return pages * sysconf(_SC_PAGESIZE);
}

/// RLIMIT_DATA only backs a limit that is watched. So it is left out if the runtime has a lower one, or if
/// the host has already allocated much of it, as one that is built with a sanitizer has.
bool is_useless(pid_t host, const KernelLimit& limit, const rlimit& own) {
  return limit.resource == RLIMIT_DATA &&
         (own.rlim_max < limit.value || data_size(host) > static_cast<std::int64_t>(limit.value) / 2);
}

void set_limit(pid_t host, const KernelLimit& limit) {
  const auto resource = static_cast<__rlimit_resource>(limit.resource);
  rlimit own{};
  getrlimit(resource, &own);
  const rlimit both{limit.value, limit.value};
  if (is_useless(host, limit, own) || prlimit(host, resource, &both, nullptr) == 0) return;
  if (errno == ESRCH) return;  // its death is noticed elsewhere
  const int error = errno;
  refuse_limit(limit.key, std::to_string(limit.value), error,
               "at most the runtime's own hard limit, " + std::to_string(own.rlim_max) +
                   "; lower the key, or raise that limit of the runtime");
}

/// The size that threads get without further ado.
std::int64_t stack_size() {
  constexpr std::int64_t if_unlimited = 8 * 1024 * 1024;
  rlimit own{};
  getrlimit(RLIMIT_STACK, &own);
  return own.rlim_cur == RLIM_INFINITY ? if_unlimited : static_cast<std::int64_t>(own.rlim_cur);
}

}  // namespace

void withhold(const std::set<std::string>& variables) {
  secret_variables().insert(variables.begin(), variables.end());
}

bool is_withheld(const std::string& variable) {
  const std::string name = variable.substr(0, variable.find('='));
  return name.starts_with("PG") || name.find("DATABASE_URL") != std::string::npos ||
         name.find("DIRECT_URL") != std::string::npos || secret_variables().contains(name) ||
         (name.starts_with("SLUICE_PLUGIN_") && name.ends_with("_CONFIG")) || name == "NOTIFY_SOCKET" ||
         name.starts_with("WATCHDOG_");
}

Spawned spawn_host(const std::string& path, int page_fd, int plugin_fd) {
  prctl(PR_SET_DUMPABLE, 0);
  adopt_orphans();
  Pair socket = make_socket();
  Pair out = make_pipe();
  Pair err = make_pipe();
  SpawnSetup setup;
  setup.give(out.theirs.get(), STDOUT_FILENO);
  setup.give(err.theirs.get(), STDERR_FILENO);
  setup.give(socket.theirs.get(), wire::socket_fd);
  const base::Descriptor page = lifted(dup(page_fd));
  setup.give(page.get(), wire::page_fd);
  base::Descriptor plugin;
  if (plugin_fd >= 0) {
    plugin = lifted(dup(plugin_fd));
    setup.give(plugin.get(), wire::plugin_fd);
  }
  Spawned spawned;
  const std::string version(base::version());
  spawned.pid =
      setup.run(host_program(), {"sluice-host", path.c_str(), version.c_str(), nullptr}, clean_environment());
  know_child(spawned.pid);
  give_long_turns(spawned.pid);
  for (const base::Descriptor* ours : {&socket.ours, &out.ours, &err.ours}) set_nonblocking(*ours);
  spawned.socket = std::move(socket.ours);
  spawned.out = std::move(out.ours);
  spawned.err = std::move(err.ours);
  return spawned;
}

HelperProcess spawn_symbols(const std::string& path, int plugin_fd) {
  Pair in = make_pipe();
  Pair out = make_pipe();
  SpawnSetup setup;
  setup.give(in.ours.get(), STDIN_FILENO);
  setup.give(out.theirs.get(), STDOUT_FILENO);
  base::Descriptor plugin;
  if (plugin_fd >= 0) {
    plugin = lifted(dup(plugin_fd));
    setup.give(plugin.get(), wire::plugin_fd);
  }
  HelperProcess helper;
  helper.pid =
      setup.run(symbols_program(), {"sluice-symbols", plugin_fd < 0 ? nullptr : path.c_str(), nullptr},
                clean_environment());
  know_child(helper.pid);
  for (const base::Descriptor* ours : {&in.theirs, &out.ours}) set_nonblocking(*ours);
  helper.in = std::move(in.theirs);
  helper.out = std::move(out.ours);
  return helper;
}

void limit_host(const Spawned& host, const job::HostLimits& limits, int slots) {
  for (const KernelLimit& limit : kernel_limits(limits, slots, stack_size())) set_limit(host.pid, limit);
  set_share(host.pid, limits);
}

void kill_host(const Spawned& host) {
  if (host.pid <= 1) return;  // 0 and -1 would mean other processes
  ::kill(host.pid, SIGKILL);
  ::kill(-host.pid, SIGKILL);
}

std::string signal_words(int signal) {
  return "signal " + std::to_string(signal) + " (" + strsignal(signal) + ")";
}

std::string describe_exit(int wait_status) {
  if (WIFSIGNALED(wait_status)) return "was killed by " + signal_words(WTERMSIG(wait_status));
  return "ended with exit status " + std::to_string(WEXITSTATUS(wait_status));
}

}  // namespace sluice::fleet
