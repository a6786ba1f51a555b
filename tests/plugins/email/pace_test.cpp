// The rate of mails, and the number of connections.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "email_plugin.hpp"
#include "support/wait.hpp"

namespace sluice::test {
namespace {

TEST(EmailPace, SpreadsMailsOverTime) {
  const SmtpServer server;
  EmailPlugin plugin(server, {{"rate", quoted("10/s")}});
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 4; ++i) EXPECT_THAT(plugin.send(guide_payload, std::to_string(i)), testing::IsDone());
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(300));
}

TEST(EmailPace, SnoozesAJobThatWouldWaitLong) {
  const SmtpServer server;
  EmailPlugin plugin(server, {{"rate", quoted("2/h")}});
  EXPECT_THAT(plugin.send(guide_payload), testing::IsDone());
  EXPECT_THAT(plugin.send(guide_payload, "job-2"), testing::Snoozes(std::chrono::seconds(20)));
  EXPECT_EQ(server.mails().size(), 1U);
}

TEST(EmailPace, StopsWaitingIfTheJobIsCancelled) {
  const SmtpServer server;
  EmailPlugin plugin(server, {{"rate", quoted("6/min")}});
  EXPECT_THAT(plugin.send(guide_payload), testing::IsDone());
  testing::FakeJob job(guide_payload);
  testing::Outcome outcome{};
  std::thread run([&] { outcome = plugin.run(job); });
  job.cancel();
  run.join();
  EXPECT_THAT(outcome, testing::IsCancelled());
}

TEST(EmailConnections, AreNoMoreThanConfigured) {
  const SmtpServer server(R"({"answers": {"MAIL": "hang"}})");
  EmailPlugin plugin(server, {{"max_connections", "1"}, {"timeout", "30"}});
  testing::FakeJob first(guide_payload);
  testing::FakeJob second(guide_payload);
  testing::Outcome outcomes[2];
  std::thread run([&] { outcomes[0] = plugin.run(first); });
  EXPECT_TRUE(eventually([&] { return server.count("MAIL") == 1; }));
  std::thread wait([&] { outcomes[1] = plugin.run(second); });
  second.cancel();
  wait.join();
  EXPECT_THAT(outcomes[1], testing::IsCancelled());
  EXPECT_EQ(server.count("connected"), 1);
  first.cancel();
  run.join();
}

TEST(EmailConnections, AreSharedByTheSlots) {
  const SmtpServer server;
  EmailPlugin plugin(server, {{"max_connections", "1"}});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back(
        [&plugin, i] { EXPECT_THAT(plugin.send(guide_payload, std::to_string(i)), testing::IsDone()); });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(server.mails().size(), 4U);
  EXPECT_EQ(server.count("connected"), 1);
}

}  // namespace
}  // namespace sluice::test
