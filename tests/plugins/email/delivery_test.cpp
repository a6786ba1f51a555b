// The mails that arrive at a real SMTP server, as an independent parser reads them.
#include <gtest/gtest.h>
#include <rapidjson/schema.h>

#include <ctime>
#include <thread>

#include "email_plugin.hpp"
#include "support/wait.hpp"

namespace sluice::test {
namespace {

// printf job-1 | sha256sum | head -c 32
constexpr auto digest_of_job_1 = "026ab639c21df8aa80e5789370a9db1b";

ReceivedMail only_mail(const SmtpServer& server) {
  auto mails = server.mails();
  if (mails.size() != 1) throw std::runtime_error(std::to_string(mails.size()) + " mails arrived, not 1");
  return std::move(mails[0]);
}

/// Sends one payload to a new server and returns the mail that arrived.
ReceivedMail arrived(const std::string& payload, const Settings& more = {}) {
  const SmtpServer server;
  EmailPlugin plugin(server, more);
  const auto outcome = plugin.send(payload);
  if (outcome.result != SLUICE_DONE) throw std::runtime_error(said(outcome));
  return only_mail(server);
}

std::string list(const Json& array) {
  std::string all;
  for (const auto& item : array) all += (all.empty() ? "" : " ") + item.as_string();
  return all;
}

void expect_well_formed(const ReceivedMail& received) {
  EXPECT_EQ(list(received.mail().array("defects")), "");
  EXPECT_LE(received.mail().integer("longest_line"), 78);
  EXPECT_EQ(received.mail().integer("bare_line_ends"), 0);
  EXPECT_EQ(received.mail().integer("bytes_beyond_ascii"), 0);
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(EmailDelivery, SendsThePayloadOfTheOutboxGuide) {
  const auto before = std::time(nullptr);
  const auto received = arrived(guide_payload);
  expect_well_formed(received);
  EXPECT_EQ(received.json().string("sender"), "shop@shop.example");
  EXPECT_EQ(list(received.json().array("recipients")), "user@example.com");
  EXPECT_EQ(received.addresses("From"), "Shop <shop@shop.example>");
  EXPECT_EQ(received.addresses("To"), " <user@example.com>");
  EXPECT_EQ(received.header("Subject"), "Subject");
  EXPECT_EQ(received.mail().string("type"), "text/plain");
  EXPECT_EQ(received.part(0).string("text"), "Message body\r\n");
  EXPECT_GE(received.mail().integer("unix_date"), before);
  EXPECT_LE(received.mail().integer("unix_date"), std::time(nullptr));
}

TEST(EmailDelivery, SendsTheMailToEachRecipientAndShowsNoBcc) {
  const auto received = arrived(R"({"to": ["a@example.com", "B <b@example.com>"], "cc": "c@example.com",
      "bcc": ["d@example.com", "a@example.com"], "replyTo": "Help <help@shop.example>",
      "from": "Billing <billing@shop.example>", "subject": "s", "body": "b"})");
  expect_well_formed(received);
  EXPECT_EQ(list(received.json().array("recipients")),
            "a@example.com b@example.com c@example.com d@example.com");
  EXPECT_EQ(received.json().string("sender"), "billing@shop.example");
  EXPECT_EQ(received.addresses("To"), " <a@example.com>, B <b@example.com>");
  EXPECT_EQ(received.addresses("Cc"), " <c@example.com>");
  EXPECT_EQ(received.addresses("Reply-To"), "Help <help@shop.example>");
  EXPECT_EQ(received.addresses("From"), "Billing <billing@shop.example>");
  EXPECT_EQ(
      list(received.mail().array("names")),
      "Date From Reply-To To Cc Subject Message-ID MIME-Version Content-Type Content-Transfer-Encoding");
}

TEST(EmailDelivery, KeepsNamesAndSubjectsBeyondAscii) {
  const std::string subject = repeated("Übergrößen-Rechnung № 5 ", 12) + "end";
  const auto received =
      arrived(R"({"to": ["Žofie Nováková <z@example.com>", "\"Doe, \\\"J\\\" (x)\" <j@example.com>",
                         "李小龍 <l@example.com>"], "body": "b", "subject": )" +
              quoted(subject) + "}");
  expect_well_formed(received);
  EXPECT_EQ(received.header("Subject"), subject);
  EXPECT_EQ(received.addresses("To"),
            "Žofie Nováková <z@example.com>, Doe, \"J\" (x) <j@example.com>, 李小龍 <l@example.com>");
}

TEST(EmailDelivery, KeepsWhatLooksLikeAnEncodedWord) {
  const auto received =
      arrived(R"({"to": "=?utf-8?q?a?= <a@example.com>", "subject": "=?utf-8?q?b?= ", "body": ""})");
  expect_well_formed(received);
  EXPECT_EQ(received.header("Subject"), "=?utf-8?q?b?= ");
  EXPECT_EQ(received.addresses("To"), "=?utf-8?q?a?= <a@example.com>");
}

TEST(EmailDelivery, KeepsTheTextAsItIs) {
  const std::string lines =
      ".\r\n..two dots\r\nFrom here\r\nblanks at the end  \r\ntab\t\r\na=b =3D\r\n\r\n€ 😀 " +
      repeated("long ", 300) + "\r\n" + repeated("ß", 500) + "\r\n.\r\n";
  const auto received = arrived(R"({"to": "a@example.com", "subject": "s", "body": )" + quoted(lines) + "}");
  expect_well_formed(received);
  EXPECT_EQ(received.part(0).string("text"), lines);
  EXPECT_EQ(received.part(0).string("charset"), "utf-8");
}

TEST(EmailDelivery, AcceptsEachKindOfLineBreak) {
  const auto received = arrived(R"({"to": "a@example.com", "subject": "s", "body": "1\n2\r\n3\r4 \n"})");
  expect_well_formed(received);
  EXPECT_EQ(received.part(0).string("text"), "1\r\n2\r\n3\r\n4 \r\n");
}

TEST(EmailDelivery, PutsHtmlBesideTheText) {
  const auto received = arrived(
      R"({"to": "a@example.com", "subject": "s", "body": "plain ü", "html": "<p class=\"x\">rich ü</p>"})");
  expect_well_formed(received);
  EXPECT_EQ(list(received.mail().array("structure")), "multipart/alternative text/plain text/html");
  EXPECT_EQ(received.part(0).string("text"), "plain ü");
  EXPECT_EQ(received.part(1).string("text"), "<p class=\"x\">rich ü</p>");
}

TEST(EmailDelivery, AttachesBytesAndFiles) {
  const Scratch files;
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes += static_cast<char>(i % 256);
  std::filesystem::create_directory(files.path("2026"));
  files.write("2026/bill.pdf", bytes);
  const auto received =
      arrived(R"({"to": "a@example.com", "subject": "s", "body": "b", "html": "<p>h</p>", "attachments": [
      {"filename": "a \"b\".txt", "contentType": "text/plain; charset=utf-8", "content": "w7w=",
       "encoding": "base64"},
      {"filename": "Rechnung € für 李.pdf", "contentType": "application/pdf", "path": "2026/bill.pdf"},
      {"filename": "empty", "content": ""}]})",
              {{"attachments_directory", quoted(files.path())}});
  EXPECT_EQ(list(received.mail().array("defects")), "");
  EXPECT_EQ(received.mail().integer("bytes_beyond_ascii"), 0);
  EXPECT_EQ(list(received.mail().array("structure")),
            "multipart/mixed multipart/alternative text/plain text/html text/plain application/pdf "
            "application/octet-stream");
  EXPECT_EQ(received.part(2).string("disposition"), "attachment");
  EXPECT_EQ(received.part(2).string("filename"), "a \"b\".txt");
  EXPECT_EQ(received.part(2).string("text"), "ü");
  EXPECT_EQ(received.part(3).string("filename"), "Rechnung € für 李.pdf");
  EXPECT_EQ(received.part(3).string("content"), base64_of(bytes));
  EXPECT_EQ(received.part(4).string("content"), "");
}

TEST(EmailDelivery, RepeatsTheMessageIdInEachAttemptAndInNoOtherJob) {
  const SmtpServer server;
  EmailPlugin plugin(server, {{"message_id_domain", quoted("jobs.shop.example")}});
  testing::FakeJob again(guide_payload);
  EXPECT_THAT(plugin.send(guide_payload), testing::IsDone());
  EXPECT_THAT(plugin.run(again.attempt(2, 3)), testing::IsDone());
  EXPECT_THAT(plugin.send(guide_payload, "job\r\nX: 2"), testing::IsDone());
  const auto mails = server.mails();
  ASSERT_EQ(mails.size(), 3U);
  EXPECT_EQ(mails[0].header("Message-ID"), std::string("<") + digest_of_job_1 + "@jobs.shop.example>");
  EXPECT_EQ(mails[1].header("Message-ID"), mails[0].header("Message-ID"));
  EXPECT_NE(mails[2].header("Message-ID"), mails[0].header("Message-ID"));
}

TEST(EmailDelivery, ReportsInTheOutputWhatWasSent) {
  const SmtpServer server;
  EmailPlugin plugin(server);
  const auto outcome =
      plugin.send(R"({"to": ["a@example.com", "b@example.com"], "subject": "s", "body": "b"})");
  ASSERT_THAT(outcome, testing::IsDone());
  const ReceivedMail output(outcome.output.value());
  EXPECT_EQ(output.json().string("messageId"), std::string("<") + digest_of_job_1 + "@shop.example>");
  EXPECT_EQ(output.json().integer("recipients"), 2);
  EXPECT_EQ(output.json().integer("bytes"), static_cast<std::int64_t>(only_mail(server).bytes().size()));
  EXPECT_EQ(output.json().string("reply"), "250 2.0.0 Ok: queued as TEST");
}

TEST(EmailDelivery, AnnouncesTheSizeToTheServer) {
  const auto received = arrived(guide_payload);
  EXPECT_EQ(list(received.json().array("options")), "SIZE=" + std::to_string(received.bytes().size()));
}

TEST(EmailConnection, IsKeptBetweenMails) {
  const SmtpServer server;
  EmailPlugin plugin(server);
  for (int i = 0; i < 3; ++i) EXPECT_THAT(plugin.send(guide_payload, std::to_string(i)), testing::IsDone());
  EXPECT_EQ(server.mails().size(), 3U);
  EXPECT_EQ(server.count("connected"), 1);
}

TEST(EmailConnection, IsReplacedIfTheServerHasClosedIt) {
  const SmtpServer server(R"({"after": "421 4.4.2 idle for too long"})");
  EmailPlugin plugin(server);
  for (int i = 1; i <= 3; ++i) {
    const auto outcome = plugin.send(guide_payload, std::to_string(i));
    EXPECT_THAT(outcome, testing::IsDone());
    ASSERT_TRUE(eventually([&] { return server.count("closed") == i; }));
  }
  EXPECT_EQ(server.mails().size(), 3U);
}

TEST(EmailConnection, IsUsableAfterARefusal) {
  const SmtpServer server(R"({"answers": {"RCPT": {"bad@example.com": "550 5.1.1 unknown"}}})");
  EmailPlugin plugin(server);
  EXPECT_EQ(plugin.send(R"({"to": "bad@example.com", "subject": "s", "body": "b"})").result, SLUICE_FAIL);
  EXPECT_THAT(plugin.send(guide_payload), testing::IsDone());
}

/// Fails if `work` takes a minute or longer. libcurl would wait for two.
template <class Work>
void expect_soon(Work work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
}

TEST(EmailConnection, ToAFrozenServerDoesNotDelayTheShutdown) {
  const SmtpServer server;
  auto plugin = std::make_unique<EmailPlugin>(server);
  EXPECT_THAT(plugin->send(guide_payload), testing::IsDone());
  server.freeze();
  expect_soon([&] { plugin.reset(); });
}

TEST(EmailConnection, ToAServerThatDoesNotAnswerQuitIsClosed) {
  const SmtpServer server(R"({"answers": {"RCPT": "550 5.1.1 unknown", "QUIT": "hang"}})");
  auto plugin = std::make_unique<EmailPlugin>(server, Settings{{"timeout", "1"}});
  expect_soon([&] { EXPECT_EQ(plugin->send(guide_payload).code, "smtp-550"); });
  expect_soon([&] { plugin.reset(); });
}

struct Encryption {
  const char* name;
  const char* scheme;
  const char* server;
  const char* starttls;
};

void PrintTo(const Encryption& encryption, std::ostream* out) {
  *out << encryption.name;
}

class EmailEncryption : public ::testing::TestWithParam<Encryption> {};

TEST_P(EmailEncryption, SendsEncryptedWithAPassword) {
  const SmtpServer server(GetParam().server);
  Settings settings = smtp_settings(server.url(GetParam().scheme)) +
                      Settings{{"ca_file", quoted(server.ca_file())}, {"user", quoted("ada")}};
  settings.erase("starttls");
  if (*GetParam().starttls != '\0') settings["starttls"] = quoted(GetParam().starttls);
  const Scratch secrets;
  settings["password_file"] = quoted(secrets.write("password", "s3cret\n"));
  EmailPlugin plugin(settings);
  const auto outcome = plugin.send(guide_payload);
  ASSERT_THAT(outcome, testing::IsDone());
  const auto received = only_mail(server);
  EXPECT_TRUE(received.json().boolean("encrypted"));
  EXPECT_TRUE(received.json().boolean("authenticated"));
}

constexpr Encryption encryptions[] = {
    {"Starttls", "smtp", R"({"tls": "starttls", "user": "ada", "password": "s3cret"})", "required"},
    {"StarttlsByDefault", "smtp", R"({"tls": "starttls", "user": "ada", "password": "s3cret"})", ""},
    {"StarttlsOptional", "smtp", R"({"tls": "starttls", "user": "ada", "password": "s3cret"})", "optional"},
    {"Smtps", "smtps", R"({"tls": "smtps", "user": "ada", "password": "s3cret"})", ""},
};
INSTANTIATE_TEST_SUITE_P(, EmailEncryption, ::testing::ValuesIn(encryptions),
                         [](const auto& encryption) { return encryption.param.name; });

TEST(EmailPassword, IsReadAgainForEachMail) {
  const SmtpServer server(R"({"user": "ada", "password": "new"})");
  const Scratch secrets;
  const auto file = secrets.write("password", "old\n");
  EmailPlugin plugin(server, {{"user", quoted("ada")}, {"password_file", quoted(file)}});
  EXPECT_EQ(plugin.send(guide_payload).code, "smtp-535");
  secrets.write("password", "new\n");
  const auto outcome = plugin.send(guide_payload);
  EXPECT_THAT(outcome, testing::IsDone());
}

TEST(EmailPassword, WorksFromTheConfiguration) {
  const SmtpServer server(R"({"user": "ada", "password": "s3cret"})");
  EmailPlugin plugin(server, {{"user", quoted("ada")}, {"password", quoted("s3cret")}});
  EXPECT_THAT(plugin.send(guide_payload), testing::IsDone());
  EXPECT_TRUE(only_mail(server).json().boolean("authenticated"));
}

TEST(EmailCancellation, StopsBeforeAnythingIsSent) {
  const SmtpServer server;
  EmailPlugin plugin(server);
  testing::FakeJob job(guide_payload);
  job.cancel();
  EXPECT_THAT(plugin.run(job), testing::IsCancelled());
  EXPECT_EQ(server.mails().size(), 0U);
}

TEST(EmailCancellation, StopsWhileTheServerIsSilent) {
  const SmtpServer server(R"({"answers": {"MAIL": "hang"}})");
  EmailPlugin plugin(server);
  testing::FakeJob job(guide_payload);
  testing::Outcome outcome{};
  std::thread run([&] { outcome = plugin.run(job); });
  EXPECT_TRUE(eventually([&] { return server.count("MAIL") == 1; }));
  job.cancel();
  run.join();
  EXPECT_THAT(outcome, testing::IsCancelled());
}

TEST(EmailCancellation, WaitsForTheAnswerIfTheWholeMailWasSent) {
  const SmtpServer server(R"({"answers": {"DATA": "hang"}})");
  EmailPlugin plugin(server, {{"timeout", "2"}});
  testing::FakeJob job(guide_payload);
  testing::Outcome outcome{};
  std::thread run([&] { outcome = plugin.run(job); });
  EXPECT_TRUE(eventually([&] { return server.count("DATA") == 1; }));
  job.cancel();
  run.join();
  EXPECT_THAT(outcome, testing::Retries("timeout", ::testing::HasSubstr("may have accepted it")));
}

/// Without the line that differs between two attempts.
std::string without_date(const std::string& mail) {
  return mail.substr(mail.find("\r\nFrom:"));
}

TEST(EmailFiles, ContainWhatWouldBeSent) {
  const std::string payload =
      R"({"to": "Ädä <a@example.com>", "subject": "ß", "body": ".\nü\n", "html": "<p>", "attachments":
      [{"filename": "f", "content": "AAEC", "encoding": "base64"}]})";
  const Scratch mails;
  EmailPlugin files(file_settings(mails) + Settings{{"from", quoted("Shop <shop@shop.example>")}});
  const auto outcome = files.send(payload);
  ASSERT_THAT(outcome, testing::IsDone());
  const std::string written = mails.read(std::string(digest_of_job_1) + ".eml");
  EXPECT_EQ(without_date(written), without_date(arrived(payload).bytes()));
  EXPECT_EQ(written.rfind("Date: ", 0), 0U) << written;
  const ReceivedMail output(outcome.output.value());
  EXPECT_EQ(output.json().string("file"), mails.path(std::string(digest_of_job_1) + ".eml"));
  EXPECT_EQ(output.json().integer("bytes"), static_cast<std::int64_t>(written.size()));
}

TEST(EmailFiles, AreReplacedByARepeatedAttemptAndLeaveNothingElse) {
  const Scratch mails;
  EmailPlugin files(file_settings(mails));
  EXPECT_THAT(files.send(guide_payload), testing::IsDone());
  EXPECT_THAT(files.send(guide_payload), testing::IsDone());
  EXPECT_THAT(files.send(guide_payload, "job-2"), testing::IsDone());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(mails.path()), {}), 2);
}

TEST(EmailFiles, ThatCannotBeWrittenAreRetried) {
  const Scratch mails;
  std::filesystem::create_directory(mails.path("out"));
  EmailPlugin files(file_settings(mails) + Settings{{"directory", quoted(mails.path("out"))}});
  std::filesystem::remove(mails.path("out"));
  const auto outcome = files.send(guide_payload);
  EXPECT_THAT(outcome, testing::Retries("file"));
  EXPECT_NE(outcome.error.find(mails.path("out")), std::string::npos) << outcome.error;
}

bool passes(sluice_str schema, const std::string& json) {
  rapidjson::Document rules;
  rapidjson::Document value;
  rules.Parse(schema.data, schema.size);
  value.Parse(json.c_str());
  if (rules.HasParseError() || value.HasParseError()) throw std::runtime_error("invalid JSON");
  const rapidjson::SchemaDocument compiled(rules);
  rapidjson::SchemaValidator validator(compiled);
  return value.Accept(validator);
}

TEST(EmailSchema, AcceptsWhatThePluginAccepts) {
  const Scratch mails;
  EmailPlugin files(file_settings(mails));
  const sluice_job_type& type = *files.descriptor().job_types[0];
  const std::string example(type.payload_example.data, type.payload_example.size);
  EXPECT_THAT(files.send(example), testing::IsDone());
  EXPECT_TRUE(passes(type.payload_schema, example));
  EXPECT_TRUE(passes(type.payload_schema, guide_payload));
  EXPECT_TRUE(passes(files.descriptor().config_schema, to_json(file_settings(mails))));
  EXPECT_TRUE(passes(files.descriptor().config_schema, to_json(smtp_settings("smtp://localhost"))));
}

TEST(EmailSchema, RefusesMissingAndMisspeltMembers) {
  const Scratch mails;
  EmailPlugin files(file_settings(mails));
  const sluice_str schema = files.descriptor().job_types[0]->payload_schema;
  EXPECT_FALSE(passes(schema, R"({"to": "a@b", "body": "b"})"));
  EXPECT_FALSE(passes(schema, R"({"to": 1, "subject": "s", "body": "b"})"));
  EXPECT_FALSE(passes(schema, R"({"to": "a@b", "subject": {}, "body": "b"})"));
  EXPECT_FALSE(passes(schema, R"({"to": "a@b", "subject": "s", "body": "b", "attachments": "f"})"));
  EXPECT_FALSE(passes(files.descriptor().config_schema, R"({"transport": "smtp", "pasword": "x"})"));
}

}  // namespace
}  // namespace sluice::test
