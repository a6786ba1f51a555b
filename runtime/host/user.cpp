#include "host/user.hpp"

#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "host/refusal.hpp"

namespace sluice::host {

namespace {

void must(bool done, const job::HostUser& user, const char* what) {
  if (done) return;
  throw Refusal(std::string("that its host can't become user '") + user.name + "' (" + what + ": " +
                    std::strerror(errno) + ")",
                "that root may", "run sluice with the capabilities CAP_SETUID and CAP_SETGID");
}

/// A change of the user takes them away, unless a bit of the process says otherwise.
bool drop_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
  return syscall(SYS_capset, &header, none.data()) == 0;
}

bool is_back() {
  return setresuid(0, 0, 0) == 0 || setuid(0) == 0 || seteuid(0) == 0;
}

}  // namespace

void become(const job::HostUser& user) {
  must(setgroups(0, nullptr) == 0, user, "setgroups");
  must(setresgid(user.gid, user.gid, user.gid) == 0, user, "setresgid");
  must(setresuid(user.uid, user.uid, user.uid) == 0, user, "setresuid");
  must(drop_capabilities(), user, "capset");
  uid_t real = 0, effective = 0, saved = 0;
  must(getresuid(&real, &effective, &saved) == 0 && real == user.uid && effective == user.uid &&
           saved == user.uid && !is_back(),
       user, "root's rights are still there");
  // The kernel has reset both.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_DUMPABLE, 1);
  setenv("USER", user.name.c_str(), 1);     // NOLINT(concurrency-mt-unsafe): one thread
  setenv("LOGNAME", user.name.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  setenv("HOME", user.home.c_str(), 1);     // NOLINT(concurrency-mt-unsafe)
}

}  // namespace sluice::host
