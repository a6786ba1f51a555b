// Address lists as people and programs write them: the mail's recipients and header.
#include <gtest/gtest.h>

#include "email_plugin.hpp"

namespace sluice::test {
namespace {

std::string list(const Json& array, const char* between = " ") {
  std::string all;
  for (const auto& item : array) all += (all.empty() ? "" : between) + item.as_string();
  return all;
}

struct List {
  const char* to;        // as JSON
  const char* envelope;  // recipients
  const char* header;    // "name <address>, ..." as another parser reads it
};

// Each is one value of `to`. The test server removes the quotes of a local part. Python's parser must find
// the same names.
constexpr List lists[] = {
    {R"("Ann <ann@example.com>, Bob <bob@example.com>")", "ann@example.com bob@example.com",
     "Ann <ann@example.com>, Bob <bob@example.com>"},
    {R"("a@example.com; b@example.com")", "a@example.com b@example.com",
     " <a@example.com>,  <b@example.com>"},
    {R"("a@example.com,b@example.com")", "a@example.com b@example.com", " <a@example.com>,  <b@example.com>"},
    {R"(", a@example.com,, b@example.com;")", "a@example.com b@example.com",
     " <a@example.com>,  <b@example.com>"},
    {R"("Doe, Jane <j@example.com>")", "j@example.com", "Doe, Jane <j@example.com>"},
    {R"("Doe, Jane <j@example.com>, Ann <ann@example.com>")", "j@example.com ann@example.com",
     "Doe, Jane <j@example.com>, Ann <ann@example.com>"},
    {R"("\"Doe, Jane\" <j@example.com>, \"Roe; Rick\" <r@example.com>")", "j@example.com r@example.com",
     "Doe, Jane <j@example.com>, Roe; Rick <r@example.com>"},
    {R"("J. R. \"Bob\" Dobbs <b@example.com>")", "b@example.com", "J. R. Bob Dobbs <b@example.com>"},
    {R"("Sales (North) <s@example.com>")", "s@example.com", "Sales (North) <s@example.com>"},
    {R"j("s@example.com (Sales (North))")j", "s@example.com", "Sales (North) <s@example.com>"},
    {R"("Ann <ann@example.com> (at work), b@example.com")", "ann@example.com b@example.com",
     "Ann <ann@example.com>,  <b@example.com>"},
    {R"("Friends: a@example.com, \"B, C\" <b@example.com>; c@example.com")",
     "a@example.com b@example.com c@example.com", " <a@example.com>, B, C <b@example.com>,  <c@example.com>"},
    {R"("ann@example.com <ann@example.com>")", "ann@example.com", "ann@example.com <ann@example.com>"},
    {R"("\"boss@example.com\" <ann@example.com>")", "ann@example.com", "boss@example.com <ann@example.com>"},
    {R"("<a@example.com>")", "a@example.com", " <a@example.com>"},
    {R"("<@old.example:a@example.com>")", "a@example.com", " <a@example.com>"},
    {R"("mailto:a@example.com")", "a@example.com", " <a@example.com>"},
    {R"("Ann <mailto:a@example.com>")", "a@example.com", "Ann <a@example.com>"},
    {R"("'a@example.com'")", "a@example.com", " <a@example.com>"},
    {R"(" a@example.com\r\n")", "a@example.com", " <a@example.com>"},
    {R"("\u200ba@example.com\u200b, \ufeffAnn\u00a0Lee <\u202db@example.com\u202c>")",
     "a@example.com b@example.com", " <a@example.com>, Ann Lee <b@example.com>"},
    {R"("a@EXAMPLE.com, a@example.COM")", "a@example.com", " <a@example.com>,  <a@example.com>"},
    {R"("a@example.com.")", "a@example.com", " <a@example.com>"},
    {R"("a@[192.0.2.1]")", "a@[192.0.2.1]", " <a@[192.0.2.1]>"},
    {R"("a@under_score.example")", "a@under_score.example", " <a@under_score.example>"},
    {R"("o'neil+tag@example.com")", "o'neil+tag@example.com", " <o'neil+tag@example.com>"},
    {R"("\"a b\"@example.com")", R"("a b"@example.com)", R"( <"a b"@example.com>)"},
    {R"("\"a.b\"@example.com")", "a.b@example.com", " <a.b@example.com>"},
    {R"("taro..yamada@docomo.example, .hana.@ezweb.example")",
     "taro..yamada@docomo.example .hana.@ezweb.example",
     " <taro..yamada@docomo.example>,  <.hana.@ezweb.example>"},
    {R"("user@münchen.example")", "user@xn--mnchen-3ya.example", " <user@xn--mnchen-3ya.example>"},
    {R"("Zoë <zoe@straße.example>")", "zoe@xn--strae-oqa.example", "Zoë <zoe@xn--strae-oqa.example>"},
    {R"("user@例え。テスト")", "user@xn--r8jz45g.xn--zckzah", " <user@xn--r8jz45g.xn--zckzah>"},
    {R"("Ann 👩\u200d💻 <a@example.com>")", "a@example.com", "Ann 👩\u200d💻 <a@example.com>"},
    {R"([{"name": "Ann", "address": "ann@example.com"}])", "ann@example.com", "Ann <ann@example.com>"},
    {R"({"name": "Doe, Jane", "address": "j@example.com"})", "j@example.com", "Doe, Jane <j@example.com>"},
    {R"({"name": null, "address": "j@example.com"})", "j@example.com", " <j@example.com>"},
    {R"(["a@example.com, B <b@example.com>", {"address": "c@example.com"}, null, "", ["d@example.com"]])",
     "a@example.com b@example.com c@example.com d@example.com",
     " <a@example.com>, B <b@example.com>,  <c@example.com>,  <d@example.com>"},
};

TEST(EmailAddresses, AreReadAsIntended) {
  const SmtpServer server;
  EmailPlugin plugin(server);
  std::size_t count = 0;
  for (const List& each : lists) {
    SCOPED_TRACE(each.to);
    const auto outcome = plugin.send(std::string(R"({"subject": "s", "body": "b", "to": )") + each.to + "}");
    EXPECT_THAT(outcome, testing::IsDone());
    if (outcome.result != SLUICE_DONE) continue;
    const auto received = server.mail(count++);
    EXPECT_EQ(list(received.json().array("recipients")), each.envelope);
    EXPECT_EQ(received.addresses("To"), each.header);
    EXPECT_EQ(list(received.mail().array("defects")), "");
  }
}

TEST(EmailAddresses, InEachFieldCanBeNullOrEmpty) {
  const SmtpServer server;
  EmailPlugin plugin(server);
  const auto outcome = plugin.send(
      R"({"to": "a@example.com", "cc": null, "bcc": "", "replyTo": null, "from": null, "html": null,
          "text": null, "attachments": null, "headers": null, "envelope": null, "messageId": null,
          "inReplyTo": null, "references": null, "subject": "s", "body": "b"})");
  ASSERT_THAT(outcome, testing::IsDone());
  const auto received = server.mail(0);
  EXPECT_EQ(list(received.mail().array("names")),
            "Date From To Subject Message-ID MIME-Version Content-Type Content-Transfer-Encoding");
}

TEST(EmailAddresses, OnlyInBccAreNotInTheHeader) {
  const SmtpServer server;
  EmailPlugin plugin(server);
  ASSERT_THAT(plugin.send(R"({"bcc": "a@example.com, b@example.com", "subject": "s", "body": "b"})"),
              testing::IsDone());
  const auto received = server.mail(0);
  EXPECT_EQ(list(received.json().array("recipients")), "a@example.com b@example.com");
  EXPECT_EQ(received.header("To"), "undisclosed-recipients:;");
  EXPECT_EQ(received.bytes().find("a@example.com"), std::string::npos);
}

TEST(EmailAddresses, OfTheEnvelopeAreIndependentOfTheHeader) {
  const SmtpServer server;
  EmailPlugin plugin(server, {{"envelope_from", quoted("bounces@shop.example")}});
  const std::string mail = R"({"to": "a@example.com", "subject": "s", "body": "b")";
  for (const char* rest :
       {"}", R"(, "envelope": {"from": "Bounces <b@shop.example>", "to": "x@example.com, y@example.com"}})",
        R"(, "envelope": {"from": ""}})"}) {
    ASSERT_THAT(plugin.send(mail + rest), testing::IsDone());
  }
  const auto mails = server.mails();
  EXPECT_EQ(mails.at(0).json().string("sender"), "bounces@shop.example");
  EXPECT_EQ(mails.at(1).json().string("sender"), "b@shop.example");
  EXPECT_EQ(list(mails.at(1).json().array("recipients")), "x@example.com y@example.com");
  EXPECT_EQ(mails.at(1).addresses("To"), " <a@example.com>");
  EXPECT_EQ(mails.at(2).json().string("sender"), "<>");
  EXPECT_EQ(list(mails.at(2).json().array("recipients")), "a@example.com");
}

constexpr auto japanese = R"({"to": "Tarō <太郎@例え.example>", "subject": "s", "body": "b"})";

TEST(EmailAddresses, BeyondAsciiAreSentToAServerWithSmtputf8) {
  const SmtpServer server(R"({"utf8": true})");
  EmailPlugin plugin(server);
  const auto outcome = plugin.send(japanese);
  ASSERT_THAT(outcome, testing::IsDone());
  const auto received = server.mail(0);
  EXPECT_EQ(list(received.json().array("recipients")), "太郎@xn--r8jz45g.example");
  EXPECT_NE(list(received.json().array("options")).find("SMTPUTF8"), std::string::npos);
}

TEST(EmailAddresses, BeyondAsciiAreRefusedIfTheServerHasNoSmtputf8) {
  const SmtpServer server;
  const auto outcome = EmailPlugin(server).send(japanese);
  EXPECT_THAT(outcome, testing::Fails("no-smtputf8", ::testing::HasSubstr("does not offer SMTPUTF8")));
  EXPECT_EQ(server.mails().size(), 0U);
}

TEST(EmailAddresses, WithInvalidDotsAreQuoted) {
  const SmtpServer server;
  const auto outcome =
      EmailPlugin(server).send(R"({"to": "taro..yamada@docomo.example", "subject": "s", "body": "b"})");
  ASSERT_THAT(outcome, testing::IsDone());
  EXPECT_NE(server.mail(0).bytes().find("To: \"taro..yamada\"@docomo.example\r\n"), std::string::npos);
  EXPECT_THAT(*outcome.output, ::testing::HasSubstr(R"(["\"taro..yamada\"@docomo.example"])"));
}

TEST(EmailName, InEhloHasADot) {
  const SmtpServer server;
  EXPECT_THAT(EmailPlugin(server).send(guide_payload), testing::IsDone());
  const std::string name = server.mails().at(0).json().string("ehlo");
  EXPECT_NE(name.find('.'), std::string::npos) << name;
}

TEST(EmailName, InEhloIsTheConfiguredOne) {
  const SmtpServer server;
  EmailPlugin by_key(server, {{"ehlo_name", quoted("[192.0.2.7]")}});
  EmailPlugin by_path(smtp_settings(server.url() + "/mail.shop.example"));
  EXPECT_THAT(by_key.send(guide_payload), testing::IsDone());
  EXPECT_THAT(by_path.send(guide_payload), testing::IsDone());
  EXPECT_EQ(server.mails().at(0).json().string("ehlo"), "[192.0.2.7]");
  EXPECT_EQ(server.mails().at(1).json().string("ehlo"), "mail.shop.example");
}

}  // namespace
}  // namespace sluice::test
