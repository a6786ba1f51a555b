#include <gtest/gtest.h>
#include <signal.h>

#include "fleet/line_cutter.hpp"
#include "fleet/restart_policy.hpp"
#include "fleet/spawn.hpp"

namespace sluice::fleet {
namespace {

using Lines = std::vector<std::string>;

TEST(RestartPolicy, StartsAtOnceThenBacksOff) {
  EXPECT_EQ(restart_delay({1, 0}), std::chrono::milliseconds(0));
  EXPECT_EQ(restart_delay({2, 0}), std::chrono::milliseconds(100));
  EXPECT_EQ(restart_delay({3, 0}), std::chrono::milliseconds(200));
  EXPECT_EQ(restart_delay({100, 0}), std::chrono::seconds(30));
}

TEST(RestartPolicy, GivesUpAfterFiveFailedStarts) {
  EXPECT_TRUE(restart_delay({4, 4}));
  EXPECT_FALSE(restart_delay({5, 5}));
}

TEST(RestartPolicy, AGoodLifeStartsANewHistory) {
  const ExitHistory bad{7, 2};
  EXPECT_EQ(after_death(bad, {true, std::chrono::milliseconds(5), 0}), (ExitHistory{8, 2}));
  EXPECT_EQ(after_death(bad, {true, std::chrono::milliseconds(5), 1}), (ExitHistory{1, 0}));
  EXPECT_EQ(after_death(bad, {true, healthy_run, 0}), (ExitHistory{1, 0}));
  EXPECT_EQ(after_death(bad, {false, std::chrono::hours(1), 0}), (ExitHistory{8, 3}));
}

TEST(LineCutter, JoinsLinesThatArriveInPieces) {
  LineCutter cutter;
  EXPECT_EQ(cutter.add("one\ntw"), Lines{"one"});
  EXPECT_EQ(cutter.add("o\n\nthree\n"), (Lines{"two", "three"}));
  EXPECT_EQ(cutter.add("rest"), Lines{});
  EXPECT_EQ(cutter.rest(), Lines{"rest"});
  EXPECT_EQ(cutter.rest(), Lines{});
}

TEST(LineCutter, TruncatesALongLine) {
  LineCutter cutter;
  Lines lines = cutter.add(std::string(2 * LineCutter::longest_line + 3, 'x') + "\n");
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0].size(), LineCutter::longest_line);
  EXPECT_EQ(lines[2], "xxx");
}

TEST(Spawn, KeepsCredentialsAndTheServiceManagerFromPluginHosts) {
  for (const char* variable :
       {"DATABASE_URL=x", "PGPASSWORD=x", "SLUICE_DATABASE_URL=x", "DIRECT_URL=x", "APP_DATABASE_URL=x",
        "DATABASE_URL_FILE=x", "SLUICE_PLUGIN_EMAIL_CONFIG=x", "NOTIFY_SOCKET=x", "WATCHDOG_USEC=1"}) {
    EXPECT_TRUE(is_withheld(variable)) << variable;
  }
  for (const char* variable : {"PATH=/bin", "SMTP_URL=x", "HOME=PGPASSWORD"}) {
    EXPECT_FALSE(is_withheld(variable)) << variable;
  }
}

TEST(Spawn, SaysHowAProcessEnded) {
  EXPECT_EQ(describe_exit(SIGSEGV), "was killed by signal 11 (Segmentation fault)");
  EXPECT_EQ(describe_exit(3 << 8), "ended with exit status 3");
}

}  // namespace
}  // namespace sluice::fleet
