#include "fleet/host_share.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace sluice::fleet {
namespace {

/// By sched_getattr(2): nanoseconds; 0 before Linux 6.12.
std::uint64_t turns_of(pid_t process) {
  constexpr std::size_t runtime = 3;
  std::array<std::uint64_t, 6> attributes{};
  EXPECT_EQ(syscall(SYS_sched_getattr, process, attributes.data(), sizeof attributes, 0), 0);
  return attributes.at(runtime);
}

TEST(HostShare, LongTurnsLeaveTheRestAsItIs) {
  const pid_t child = fork();
  if (child == 0) {
    setpriority(PRIO_PROCESS, 0, 4);
    raise(SIGSTOP);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, WUNTRACED);
  const std::uint64_t before = turns_of(child);
  give_long_turns(child);
  const std::uint64_t after = turns_of(child);
  const int nice = getpriority(PRIO_PROCESS, static_cast<id_t>(child));
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  EXPECT_EQ(nice, 4);
  if (before == 0) GTEST_SKIP() << "this kernel has the same turns for all";
  EXPECT_GE(after, std::chrono::nanoseconds(least_host_turns).count());
  EXPECT_GE(after, std::min<std::uint64_t>(2 * before, 100'000'000));
}

}  // namespace
}  // namespace sluice::fleet
