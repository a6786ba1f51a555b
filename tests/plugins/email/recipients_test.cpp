// Some recipients are refused: who gets the mail, what the job's output says, and what happens to the others.
#include <gtest/gtest.h>

#include "email_plugin.hpp"

namespace sluice::test {
namespace {

constexpr auto three =
    R"({"to": ["a@example.com", "gone@example.com", "b@example.com"], "subject": "s", "body": "b"})";

std::string list(const Json& array) {
  std::string all;
  for (const auto& item : array) all += (all.empty() ? "" : " ") + item.as_string();
  return all;
}

std::string recipients_of(const ReceivedMail& mail) {
  return list(mail.json().array("recipients"));
}

TEST(EmailRejection, OfOneSendsTheMailToTheOthers) {
  const SmtpServer server(R"({"answers": {"RCPT": {"gone@example.com": "550 5.1.1 no such user"}}})");
  EmailPlugin plugin(server);
  testing::FakeJob job(three);
  const auto outcome = plugin.run(job);
  ASSERT_THAT(outcome, testing::IsDone());
  ASSERT_EQ(server.mails().size(), 1U);
  EXPECT_EQ(recipients_of(server.mails()[0]), "a@example.com b@example.com");
  const ReceivedMail output(outcome.output.value());
  EXPECT_EQ(list(output.json().array("accepted")), "a@example.com b@example.com");
  EXPECT_EQ(output.json().integer("recipients"), 2);
  const Json rejected = *output.json().array("rejected").begin();
  EXPECT_EQ(rejected.string("address"), "gone@example.com");
  EXPECT_EQ(rejected.string("reply"), "550 5.1.1 no such user");
  EXPECT_THAT(job, testing::Logged("recipient refused", {{"address", "gone@example.com"}}));
  EXPECT_THAT(job, testing::Logged("sent, but not to all", {{"refused", "1"}}));
  EXPECT_THAT(job, testing::EnqueuedNothing());
}

TEST(EmailRejection, OfOneSendsToNobodyIfSoConfigured) {
  const SmtpServer server(R"({"answers": {"RCPT": {"gone@example.com": "550 5.1.1 no such user"}}})");
  EmailPlugin plugin(server, {{"on_rejected", quoted("none")}});
  const auto outcome = plugin.send(three);
  EXPECT_THAT(outcome, testing::Fails("smtp-550", ::testing::HasSubstr("RCPT TO:<gone@example.com>")));
  EXPECT_EQ(server.count("DATA"), 0);
}

TEST(EmailRejection, OfAllFails) {
  const SmtpServer server(R"({"answers": {"RCPT": "550 5.1.1 no such user"}})");
  const auto outcome = EmailPlugin(server).send(three);
  EXPECT_THAT(outcome, testing::Fails("smtp-550", ::testing::HasSubstr("refused all 3 recipients")));
  EXPECT_EQ(server.count("DATA"), 0);
}

TEST(EmailRejection, OfAllIsRetriedIfOneIsTemporary) {
  const SmtpServer server(
      R"({"answers": {"RCPT": {"a@example.com": "450 4.2.1 greylisted", "gone@example.com": "550 5.1.1 no",
                               "b@example.com": "550 5.1.1 no"}}})");
  const auto outcome = EmailPlugin(server).send(three);
  EXPECT_THAT(outcome, testing::Retries("smtp-450", ::testing::HasSubstr("greylisted")));
}

TEST(EmailRejection, IsNotTheReasonIfTheConnectionBreaksLater) {
  const SmtpServer server(R"({"answers": {"RCPT": {"b@example.com": "550 5.1.1 no"}, "DATA": "close"}})");
  EXPECT_THAT(EmailPlugin(server).send(three), testing::Retries("connection-lost"));
}

TEST(EmailDeferral, BecomesAFollowUpJobWithTheSameMail) {
  const SmtpServer server(R"({"answers": {"RCPT": {"gone@example.com": "450 4.2.1 greylisted"}}})");
  EmailPlugin plugin(server);
  testing::FakeJob job(three);
  const auto outcome = plugin.run(job);
  ASSERT_THAT(outcome, testing::IsDone());
  EXPECT_THAT(*outcome.output, ::testing::HasSubstr("deferred"));
  ASSERT_EQ(job.follow_ups().size(), 1U);
  EXPECT_EQ(job.follow_ups()[0].type, "email.send");
  EXPECT_EQ(job.follow_ups()[0].delay, std::chrono::minutes(5));

  const SmtpServer later;
  EXPECT_THAT(EmailPlugin(later).send(job.follow_ups()[0].payload, "job-2"), testing::IsDone());
  ASSERT_EQ(later.mails().size(), 1U);
  const auto first = server.mails();
  const auto second = later.mails();
  EXPECT_EQ(recipients_of(second[0]), "gone@example.com");
  EXPECT_EQ(second[0].json().string("sender"), "shop@shop.example");
  EXPECT_EQ(second[0].header("Message-ID"), first[0].header("Message-ID"));
  EXPECT_EQ(second[0].addresses("To"), first[0].addresses("To"));
}

TEST(EmailDeferral, KeepsThePayloadAsReceived) {
  const SmtpServer server(R"({"answers": {"RCPT": {"gone@example.com": "450 4.2.1 greylisted"}}})");
  testing::FakeJob job(R"({"to": ["a@example.com", "gone@example.com"], "subject": 1.10, "body": "b",
      "envelope": {"from": "old@example.com"}, "headers": {"X-Id": 12345678901234567890123}})");
  ASSERT_THAT(EmailPlugin(server).run(job), testing::IsDone());
  ASSERT_EQ(job.follow_ups().size(), 1U);
  const std::string payload = job.follow_ups()[0].payload;
  EXPECT_THAT(payload, ::testing::HasSubstr("\"subject\":1.10,"));
  EXPECT_THAT(payload, ::testing::HasSubstr("{\"X-Id\": 12345678901234567890123}"));
  EXPECT_THAT(payload,
              ::testing::HasSubstr(R"("envelope":{"from":"old@example.com","to":["gone@example.com"]})"));
}

TEST(EmailDeferral, IsARejectionIfFollowUpJobsAreNotAvailable) {
  const SmtpServer server(R"({"answers": {"RCPT": {"gone@example.com": "550 5.7.1 relaying denied"}}})");
  EmailPlugin plugin(server);
  testing::FakeJob job(three);
  job.extension(SLUICE_EXTENSION_ENQUEUE, nullptr);
  const auto outcome = plugin.run(job);
  ASSERT_THAT(outcome, testing::IsDone());
  const ReceivedMail output(outcome.output.value());
  EXPECT_EQ((*output.json().array("rejected").begin()).string("reply"), "550 5.7.1 relaying denied");
}

}  // namespace
}  // namespace sluice::test
