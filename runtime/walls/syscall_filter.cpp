#include "walls/syscall_filter.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "walls/sanitized.hpp"

namespace sluice::walls {

namespace {

// Refused whatever their arguments are.
constexpr const char* dangerous_calls[] = {
    // other processes
    "process_vm_readv",
    "process_vm_writev",
    "kcmp",
    "pidfd_getfd",
    // mounts and namespaces
    "mount",
    "umount",
    "umount2",
    "move_mount",
    "open_tree",
    "mount_setattr",
    "fsopen",
    "fspick",
    "fsconfig",
    "fsmount",
    "pivot_root",
    "chroot",
    "unshare",
    "setns",
    "open_by_handle_at",
    // the kernel
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "kexec_load",
    "kexec_file_load",
    "init_module",
    "finit_module",
    "delete_module",
    "fanotify_init",
    "lookup_dcookie",
    "modify_ldt",
    "syslog",
    "uselib",
    // around this filter
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    // the machine
    "reboot",
    "swapon",
    "swapoff",
    "quotactl",
    "quotactl_fd",
    "acct",
    "settimeofday",
    "clock_settime",
    "clock_settime64",
    "clock_adjtime",
    "clock_adjtime64",
    "stime",
    "sethostname",
    "setdomainname",
    "iopl",
    "ioperm",
    "vhangup",
    // keys of the user
    "keyctl",
    "add_key",
    "request_key",
};

// Those that name another process by its number.
constexpr const char* signal_calls[] = {
    "kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_open"};

// Files, their names and what is known of them.
constexpr const char* changing_calls[] = {
    "creat",     "truncate",   "truncate64",  "ftruncate",    "ftruncate64",     "fallocate",
    "rename",    "renameat",   "renameat2",   "link",         "linkat",          "symlink",
    "symlinkat", "unlink",     "unlinkat",    "mkdir",        "mkdirat",         "rmdir",
    "mknod",     "mknodat",    "chmod",       "fchmod",       "fchmodat",        "fchmodat2",
    "chown",     "fchown",     "lchown",      "fchownat",     "setxattr",        "lsetxattr",
    "fsetxattr", "setxattrat", "removexattr", "lremovexattr", "fremovexattr",    "removexattrat",
    "utime",     "utimes",     "futimesat",   "utimensat",    "utimensat_time64"};

constexpr unsigned namespace_flags[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                        CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};

// The kernel reads int arguments as 32 bits of a register of 64.
constexpr scmp_datum_t int_bits = 0xffffffff;

scmp_arg_cmp is(unsigned argument, scmp_datum_t value, scmp_datum_t mask = int_bits) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

/// A filter that allows everything but what is refused.
class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_ALLOW)) {
    if (context_ == nullptr) throw std::runtime_error("out of memory for a filter of system calls");
    check(seccomp_attr_set(context_, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM)), "another ABI");
    check(seccomp_attr_set(context_, SCMP_FLTATR_CTL_TSYNC, 1), "all threads");
  }
  ~Filter() { seccomp_release(context_); }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  /// Refuses the calls to which all of `conditions` apply. A call that the machine or libseccomp does not
  /// know is skipped.
  void refuse(const char* call, const std::vector<scmp_arg_cmp>& conditions = {}, int error = EPERM) {
    const int number = seccomp_syscall_resolve_name(call);
    if (number == __NR_SCMP_ERROR) return;
    check(seccomp_rule_add_array(context_, SCMP_ACT_ERRNO(static_cast<unsigned>(error)), number,
                                 static_cast<unsigned>(conditions.size()), conditions.data()),
          call);
  }
  void install() { check(seccomp_load(context_), "installing it"); }

 private:
  static void check(int result, const char* what) {
    if (result == 0) return;
    throw std::runtime_error(std::string("filtering its system calls failed (") + what + ": " +
                             std::strerror(-result) + "); the kernel must support seccomp filters");
  }

  scmp_filter_ctx context_;
};

/// Clone with flags for namespaces does what unshare does. A filter can't read the flags of clone3, so libc
/// is told that the kernel does not have it, and uses clone.
void refuse_namespaces(Filter& filter) {
  for (const unsigned flag : namespace_flags) filter.refuse("clone", {is(0, flag, flag)});
  filter.refuse("clone3", {}, ENOSYS);
}

/// Refuses each value of an argument from 0 on but `allowed`.
void allow_only(Filter& filter, const char* call, unsigned argument, const std::set<scmp_datum_t>& allowed) {
  const scmp_datum_t end = allowed.empty() ? 0 : *allowed.rbegin() + 1;
  for (scmp_datum_t value = 0; value < end; ++value) {
    if (!allowed.contains(value)) filter.refuse(call, {is(argument, value)});
  }
  filter.refuse(call, {{argument, SCMP_CMP_GE, end, 0}});
}

/// A signal to the runtime, to its group or to everybody. Landlock refuses signals to all other processes
/// (walls/landlock.hpp), and what names a process in other ways than by its number. Without it, at least the
/// runtime is safe. `pidfd_send_signal` takes a folder of /proc, too, so it is refused then; programs use
/// kill instead.
void refuse_signals(Filter& filter, pid_t runtime, bool scoped) {
  if (!scoped) filter.refuse("pidfd_send_signal", {}, ENOSYS);
  constexpr pid_t everybody = -1;
  std::set<pid_t> targets{everybody};
  if (runtime > 0) targets.insert(runtime);
  if (const pid_t group = getpgid(runtime); runtime > 0 && group > 0) targets.insert(-group);
  for (const pid_t target : targets) {
    const scmp_arg_cmp first = is(0, static_cast<std::uint32_t>(target));
    for (const char* call : signal_calls) filter.refuse(call, {first});
  }
}

/// The processors, priorities, limits and memory nodes of other processes. 0 is the calling thread or
/// process, which may also give itself limits and niceness by that number alone.
void refuse_scheduling_others(Filter& filter) {
  for (const char* call : {"sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr",
                           "migrate_pages", "move_pages"})
    filter.refuse(call, {{0, SCMP_CMP_NE, 0, 0}});
  filter.refuse("prlimit64", {{0, SCMP_CMP_NE, 0, 0}, {2, SCMP_CMP_NE, 0, 0}});
  constexpr scmp_datum_t all_of_user = 3;  // IOPRIO_WHO_USER
  for (const auto& [call, user] :
       {std::pair{"setpriority", scmp_datum_t{PRIO_USER}}, {"ioprio_set", all_of_user}}) {
    filter.refuse(call, {{1, SCMP_CMP_NE, 0, 0}});
    filter.refuse(call, {is(0, user)});
  }
}

/// Landlock's rules are for TCP alone. They don't apply to Multipath TCP and SCTP, nor to data that opens a
/// connection.
void refuse_ways_around_ports(Filter& filter) {
  allow_only(filter, "socket", 2, {0, IPPROTO_TCP, IPPROTO_UDP});
  constexpr scmp_datum_t type_bits = 0xf;
  for (const scmp_datum_t family : {AF_INET, AF_INET6})
    filter.refuse("socket", {is(0, family), is(1, SOCK_RAW, type_bits)});
  for (const auto& [call, flags] : {std::pair{"sendto", 3U}, {"sendmsg", 2U}, {"sendmmsg", 3U}})
    filter.refuse(call, {is(flags, MSG_FASTOPEN, MSG_FASTOPEN)});
}

/// A pair of sockets reaches nobody else, so socketpair is allowed.
void refuse_sockets(Filter& filter, const job::Sandbox& sandbox) {
  std::set<scmp_datum_t> families;
  if (sandbox.unix_sockets) families.insert(AF_UNIX);
  if (!sandbox.ports.empty()) families.insert({AF_INET, AF_INET6, AF_NETLINK});  // netlink: own addresses
  allow_only(filter, "socket", 0, families);
  if (!sandbox.ports.empty()) refuse_ways_around_ports(filter);
}

}  // namespace

void refuse_dangerous_calls(bool signals_scoped) {
  Filter filter;
  for (const char* call : dangerous_calls) filter.refuse(call);
  if (!sanitized) filter.refuse("ptrace");
  refuse_namespaces(filter);
  filter.refuse("personality", {{0, SCMP_CMP_NE, int_bits, 0}});  // all but the question which it is
  filter.refuse("ioctl", {is(1, TIOCSTI)});                       // would type into the runtime's terminal
  filter.refuse("prctl", {is(0, PR_SET_CHILD_SUBREAPER, int_bits), is(1, 0)});  // would let go of its orphans
  refuse_signals(filter, getppid(), signals_scoped);
  refuse_scheduling_others(filter);
  filter.install();
}

void refuse_calls_beyond(const job::Sandbox& sandbox) {
  Filter filter;
  if (!sandbox.spawn) {
    filter.refuse("execve");
    filter.refuse("execveat");
  }
  if (!sandbox.any_network) refuse_sockets(filter, sandbox);
  filter.install();
}

void refuse_all_but_reading() {
  Filter filter;
  for (const char* call : {"fork", "vfork", "clone", "clone3", "pidfd_send_signal"}) filter.refuse(call);
  for (const char* call : signal_calls) filter.refuse(call);
  for (const char* call : changing_calls) filter.refuse(call);
  for (const auto& [call, flags] : {std::pair{"open", 1U}, {"openat", 2U}}) {
    for (const scmp_datum_t flag : {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC})
      filter.refuse(call, {is(flags, flag, flag)});
  }
  filter.refuse("openat2", {}, ENOSYS);  // its flags are in memory, which a filter can't read
  filter.install();
}

}  // namespace sluice::walls
