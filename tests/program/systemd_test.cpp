// sluice run as a systemd service: its messages to the service manager, which plugin hosts must not see.
#include "program/outbox.hpp"
#include "support/notify_socket.hpp"

namespace sluice::test {
namespace {

class Service : public Outbox {
 protected:
  Program start() {
    auto variables = environment();
    variables["NOTIFY_SOCKET"] = socket.path();
    variables["WATCHDOG_USEC"] = "300000";
    return Program({"run"}, variables);
  }

  NotifySocket socket;
};

std::string environment_of(pid_t pid) {
  std::ostringstream text;
  text << std::ifstream("/proc/" + std::to_string(pid) + "/environ").rdbuf();
  return text.str();
}

TEST_F(Service, ReportsWhenItIsUpAndWhenItStops) {
  Program program = start();
  EXPECT_TRUE(socket.hears("READY=1\nSTATUS=0 done, 0 failed; 1 plugins for "));
  program.signal(SIGTERM);
  EXPECT_TRUE(socket.hears("STOPPING=1"));
  EXPECT_EQ(program.wait(), 0);
}

TEST_F(Service, ReportsWhenItReloadsAndWhenItIsUpAgain) {
  const Program program = start();
  ASSERT_TRUE(socket.hears("READY=1"));
  program.signal(SIGHUP);
  EXPECT_TRUE(socket.hears("RELOADING=1\nMONOTONIC_USEC="));
  EXPECT_TRUE(socket.hears("READY=1"));
}

TEST_F(Service, NotifiesTheWatchdogWhileItsEventLoopRuns) {
  const Program program = start();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(socket.hears("WATCHDOG=1"));
}

TEST_F(Service, HidesTheServiceManagerFromPluginHosts) {
  const Program program = start();
  ASSERT_TRUE(socket.hears("READY=1"));
  const auto hosts = program.children();
  ASSERT_FALSE(hosts.empty());
  for (const pid_t host : hosts) {
    const std::string variables = environment_of(host);
    EXPECT_FALSE(variables.empty());
    EXPECT_EQ(variables.find("NOTIFY_SOCKET"), std::string::npos);
    EXPECT_EQ(variables.find("WATCHDOG_USEC"), std::string::npos);
  }
}

}  // namespace
}  // namespace sluice::test
