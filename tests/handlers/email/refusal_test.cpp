// Payloads and configurations that are refused, each with its reason.
#include <gtest/gtest.h>

#include "email_plugin.hpp"

namespace sluice::test {
namespace {

struct BadPayload {
  const char* name;
  const char* payload;
  const char* code;
  const char* words;
};

void PrintTo(const BadPayload& payload, std::ostream* out) {
  *out << payload.name;
}

class EmailPayload : public ::testing::TestWithParam<BadPayload> {};

TEST_P(EmailPayload, IsRefusedBeforeAnythingIsSent) {
  const Scratch files;
  files.write("file", "x");
  files.write("large", std::string(3000, 'x'));
  std::filesystem::create_symlink("/etc/hostname", files.path("link"));
  std::filesystem::create_directory_symlink("/etc", files.path("etc"));
  const Scratch mails;
  EmailPlugin plugin(file_settings(mails) +
                     Settings{{"attachments_directory", quoted(files.path())}, {"max_bytes", "2000"}});
  const auto outcome = plugin.send(GetParam().payload);
  EXPECT_EQ(outcome.result, SLUICE_FAIL) << said(outcome);
  EXPECT_EQ(outcome.code, GetParam().code) << outcome.error;
  EXPECT_NE(outcome.error.find(GetParam().words), std::string::npos) << outcome.error;
  EXPECT_TRUE(std::filesystem::is_empty(mails.path()));
}

#define WITH_ATTACHMENT(json) \
  R"({"to": "a@example.com", "subject": "s", "body": "b", "attachments": [)" json "]}"

constexpr BadPayload bad_payloads[] = {
    {"NoTo", R"({"subject": "s", "body": "b"})", "bad-payload", "payload /to: expected a value"},
    {"NullTo", R"({"to": null, "subject": "s", "body": "b"})", "bad-payload", "payload /to"},
    {"NumberTo", R"({"to": 7, "subject": "s", "body": "b"})", "bad-payload",
     "payload /to: expected a string"},
    {"EmptyTo", R"({"to": [], "subject": "s", "body": "b"})", "bad-payload",
     "payload /to: expected at least one"},
    {"NoSubject", R"({"to": "a@example.com", "body": "b"})", "bad-payload", "payload /subject"},
    {"NoBody", R"({"to": "a@example.com", "subject": "s"})", "bad-payload", "payload /body"},
    {"NoObject", R"([])", "bad-payload", "expected an object"},

    {"LineBreakInSubject", R"({"to": "a@example.com", "subject": "s\r\nBcc: x@example.com", "body": "b"})",
     "bad-header", "payload /subject: found a line break"},
    {"LineFeedInSubject", R"({"to": "a@example.com", "subject": "s\nX: y", "body": "b"})", "bad-header",
     "at byte 1"},
    {"NulInSubject", R"({"to": "a@example.com", "subject": "s\u0000", "body": "b"})", "bad-header",
     "/subject"},
    {"LineBreakInTo", R"({"to": "a@example.com\r\nRCPT TO:<x@example.com>", "subject": "s", "body": "b"})",
     "bad-header", "payload /to"},
    {"LineBreakInName", R"({"to": ["A\nB <a@example.com>"], "subject": "s", "body": "b"})", "bad-header",
     "payload /to/0"},
    {"LineBreakInCc", R"({"to": "a@example.com", "cc": "a\r@example.com", "subject": "s", "body": "b"})",
     "bad-header", "payload /cc"},
    {"LineBreakInBcc", R"({"to": "a@example.com", "bcc": ["x\n@example.com"], "subject": "s", "body": "b"})",
     "bad-header", "payload /bcc/0"},
    {"LineBreakInReplyTo",
     R"({"to": "a@example.com", "replyTo": "x\n@example.com", "subject": "s", "body": "b"})", "bad-header",
     "payload /replyTo"},
    {"LineBreakInFrom", R"({"to": "a@example.com", "from": "x\n@example.com", "subject": "s", "body": "b"})",
     "bad-header", "payload /from"},
    {"LineBreakInFilename", WITH_ATTACHMENT(R"({"filename": "a\r\nX: y", "content": ""})"), "bad-header",
     "payload /attachments/0/filename"},
    {"LineBreakInContentType",
     WITH_ATTACHMENT(R"({"filename": "a", "contentType": "text/plain\r\nX: y", "content": ""})"),
     "bad-header", "payload /attachments/0/contentType"},
    {"BrokenUtf8InSubject", "{\"to\": \"a@example.com\", \"subject\": \"\xC3(\", \"body\": \"b\"}",
     "bad-header", "no UTF-8"},
    {"BrokenUtf8InBody", "{\"to\": \"a@example.com\", \"subject\": \"s\", \"body\": \"\xED\xA0\x80\"}",
     "bad-payload", "payload /body: found bytes that are no UTF-8"},

    {"NoAt", R"({"to": "example.com", "subject": "s", "body": "b"})", "bad-address", "'example.com'"},
    {"Empty", R"({"to": "", "subject": "s", "body": "b"})", "bad-address", "payload /to"},
    {"NoLocalPart", R"({"to": "@example.com", "subject": "s", "body": "b"})", "bad-address", "payload /to"},
    {"NoDomain", R"({"to": "a@", "subject": "s", "body": "b"})", "bad-address", "payload /to"},
    {"TwoDots", R"({"to": "a..b@example.com", "subject": "s", "body": "b"})", "bad-address", "payload /to"},
    {"BlankInside", R"({"to": "a b@example.com", "subject": "s", "body": "b"})", "bad-address",
     "payload /to"},
    {"TwoInOne", R"({"to": "a@example.com, b@example.com", "subject": "s", "body": "b"})", "bad-address",
     "payload /to"},
    {"TwoWithNamesInOne", R"({"to": "<a@example.com>, <b@example.com> x", "subject": "s", "body": "b"})",
     "bad-address", "payload /to"},
    {"ParametersAfterIt", R"({"to": "a@example.com> SIZE=1", "subject": "s", "body": "b"})", "bad-address",
     "payload /to"},
    {"NotAscii", R"({"to": "ä@example.com", "subject": "s", "body": "b"})", "bad-address", "in ASCII"},
    {"BadSecond", R"({"to": ["a@example.com", "b"], "subject": "s", "body": "b"})", "bad-address",
     "payload /to/1"},

    {"NoFilename", WITH_ATTACHMENT(R"({"content": ""})"), "bad-payload", "payload /attachments/0/filename"},
    {"DirectoryInFilename", WITH_ATTACHMENT(R"({"filename": "../a", "content": ""})"), "bad-attachment",
     "plain file name"},
    {"NoContent", WITH_ATTACHMENT(R"({"filename": "a"})"), "bad-attachment", "either content or path"},
    {"ContentAndPath", WITH_ATTACHMENT(R"({"filename": "a", "content": "", "path": "file"})"),
     "bad-attachment", "either content or path"},
    {"NoBase64", WITH_ATTACHMENT(R"({"filename": "a", "content": "a-_b"})"), "bad-attachment",
     "payload /attachments/0/content: expected base64"},
    {"NoPadding", WITH_ATTACHMENT(R"({"filename": "a", "content": "YQ"})"), "bad-attachment", "padding"},
    {"OnlyPadding", WITH_ATTACHMENT(R"({"filename": "a", "content": "===="})"), "bad-attachment", "base64"},
    {"NoContentType", WITH_ATTACHMENT(R"({"filename": "a", "contentType": "pdf", "content": ""})"),
     "bad-attachment", "no content type"},
    {"OddContentType", WITH_ATTACHMENT(R"({"filename": "a", "contentType": "a/b; c", "content": ""})"),
     "bad-attachment", "no content type"},
    {"Multipart", WITH_ATTACHMENT(R"({"filename": "a", "contentType": "Multipart/Mixed", "content": ""})"),
     "bad-attachment", "can't be attached"},
    {"ParentPath", WITH_ATTACHMENT(R"({"filename": "a", "path": "../file"})"), "bad-attachment",
     "payload /attachments/0/path: '../file' does not stay below"},
    {"ParentWithinPath", WITH_ATTACHMENT(R"({"filename": "a", "path": "x/../file"})"), "bad-attachment",
     "does not stay below"},
    {"AbsolutePath", WITH_ATTACHMENT(R"({"filename": "a", "path": "/etc/hostname"})"), "bad-attachment",
     "does not stay below"},
    {"LinkedFile", WITH_ATTACHMENT(R"({"filename": "a", "path": "link"})"), "bad-attachment", "a link"},
    {"LinkedDirectory", WITH_ATTACHMENT(R"({"filename": "a", "path": "etc/hostname"})"), "bad-attachment",
     "a link"},
    {"FileAsDirectory", WITH_ATTACHMENT(R"({"filename": "a", "path": "file/x"})"), "bad-attachment",
     "leads through"},
    {"NulInPath", WITH_ATTACHMENT(R"({"filename": "a", "path": "file\u0000x"})"), "bad-attachment", "NUL"},

    {"LargeFile", WITH_ATTACHMENT(R"({"filename": "a", "path": "large"})"), "too-large", "2000"},
};
INSTANTIATE_TEST_SUITE_P(, EmailPayload, ::testing::ValuesIn(bad_payloads),
                         [](const auto& payload) { return payload.param.name; });

TEST(EmailSize, IsLimitedByMaxBytesAsSent) {
  const Scratch mails;
  EmailPlugin plugin(file_settings(mails) + Settings{{"max_bytes", "2000"}});
  const auto body = [](std::size_t size) {
    return R"({"to": "a@example.com", "subject": "s", "body": ")" + std::string(size, 'x') + "\"}";
  };
  EXPECT_THAT(plugin.send(body(1000)), testing::IsDone());
  const auto outcome = plugin.send(body(2000));
  EXPECT_THAT(outcome, testing::Fails("too-large", ::testing::HasSubstr("max_bytes allows 2000")));
}

TEST(EmailSize, CountsAllAttachmentsTogether) {
  const Scratch mails;
  EmailPlugin plugin(file_settings(mails) + Settings{{"max_bytes", "2000"}});
  const std::string one = R"({"filename": "a", "content": ")" + std::string(1600, 'A') + "\"}";
  const auto outcome = plugin.send(
      R"({"to": "a@example.com", "subject": "s", "body": "b", "attachments": [)" + one + "," + one + "]}");
  EXPECT_THAT(outcome, testing::Fails("too-large"));
}

TEST(EmailRecipients, AreAtMostAHundred) {
  const Scratch mails;
  EmailPlugin plugin(file_settings(mails));
  const auto payload = [](int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += (i == 0 ? "\"a" : ", \"a") + std::to_string(i) + "@example.com\"";
    return R"({"to": "a0@example.com", "cc": [)" + all + R"(], "subject": "s", "body": "b"})";
  };
  EXPECT_THAT(plugin.send(payload(100)), testing::IsDone());
  EXPECT_EQ(plugin.send(payload(101)).code, "too-many-recipients");
}

TEST(EmailAttachment, OfAFileNeedsADirectory) {
  const Scratch mails;
  const auto outcome =
      EmailPlugin(file_settings(mails)).send(WITH_ATTACHMENT(R"({"filename": "a", "path": "file"})"));
  EXPECT_EQ(outcome.result, SLUICE_FAIL);
  EXPECT_NE(outcome.error.find("no attachments_directory"), std::string::npos) << outcome.error;
}

TEST(EmailAttachment, ThatIsNotThereYetIsTriedAgain) {
  const Scratch mails;
  const Scratch files;
  EmailPlugin plugin(file_settings(mails) + Settings{{"attachments_directory", quoted(files.path())}});
  const auto* payload = WITH_ATTACHMENT(R"({"filename": "a", "path": "report.pdf"})");
  const auto outcome = plugin.send(payload);
  EXPECT_THAT(outcome, testing::Retries("attachment-unreadable"));
  files.write("report.pdf", "x");
  EXPECT_THAT(plugin.send(payload), testing::IsDone());
}

struct BadConfig {
  const char* name;
  Settings settings;
  const char* words;
};

void PrintTo(const BadConfig& config, std::ostream* out) {
  *out << config.name;
}

class EmailConfig : public ::testing::TestWithParam<BadConfig> {};

TEST_P(EmailConfig, IsRefusedWithOneSentence) {
  try {
    const EmailPlugin plugin(GetParam().settings);
    FAIL() << "it was accepted";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find(GetParam().words), std::string::npos) << error.what();
  }
}

Settings to(const char* url, const Settings& more = {}) {
  return smtp_settings(url) + more;
}

Settings without(Settings settings, const char* key) {
  settings.erase(key);
  return settings;
}

const BadConfig bad_configs[] = {
    {"Nothing", {}, "the plugin is not configured: set transport"},
    {"OtherTransport", {{"transport", "\"pigeon\""}}, "expected smtp or file, found 'pigeon'"},
    {"NoUrl", {{"transport", "\"smtp\""}}, "configuration /url: expected a string, found nothing"},
    {"NoFrom", without(to("smtp://localhost"), "from"), "configuration /from"},
    {"BadFrom", to("smtp://localhost", {{"from", "\"shop\""}}),
     "configuration /from: 'shop' is no mail address"},
    {"NotSmtp", to("http://localhost"), "configuration /url: expected smtp://host:port"},
    {"NoUrlAtAll", to("localhost:25:x"), "configuration /url: expected smtp://host:port"},
    {"PasswordInUrl", to("smtp://ada:s3cret@localhost"), "can't hold the password"},
    {"OtherStarttls", to("smtp://localhost", {{"starttls", "\"yes\""}}),
     "expected required, optional or never"},
    {"StarttlsInSmtps", to("smtps://localhost"), "smtps:// is encrypted from the first byte"},
    {"NoPassword", to("smtp://localhost", {{"user", "\"ada\""}}),
     "configuration /user: there is no password"},
    {"NoUser", to("smtp://localhost", {{"password", "\"x\""}}), "there is a password but no user"},
    {"TwoPasswords",
     to("smtp://localhost", {{"user", "\"a\""}, {"password", "\"x\""}, {"password_file", "\"/x\""}}),
     "keep one of them"},
    {"NoPasswordFile", to("smtp://localhost", {{"user", "\"a\""}, {"password_file", "\"/nowhere/x\""}}),
     "configuration /password_file: '/nowhere/x' is no file"},
    {"PlainPassword", to("smtp://mail.example.com", {{"user", "\"a\""}, {"password", "\"x\""}}),
     "the password could go over the network unencrypted"},
    {"PlainPasswordMaybe",
     to("smtp://mail.example.com", {{"user", "\"a\""}, {"password", "\"x\""}, {"starttls", "\"optional\""}}),
     "the password could go over the network unencrypted"},
    {"NoCaFile", to("smtp://localhost", {{"ca_file", "\"/nowhere/ca.pem\""}}), "configuration /ca_file"},
    {"NoTimeout", to("smtp://localhost", {{"timeout", "0"}}), "configuration /timeout: expected seconds"},
    {"LongTimeout", to("smtp://localhost", {{"connect_timeout", "1e300"}}), "configuration /connect_timeout"},
    {"NoBytes", to("smtp://localhost", {{"max_bytes", "0"}}), "configuration /max_bytes"},
    {"BadDomain", to("smtp://localhost", {{"message_id_domain", "\"a b\""}}),
     "configuration /message_id_domain"},
    {"NoAttachments", to("smtp://localhost", {{"attachments_directory", "\"/nowhere\""}}),
     "configuration /attachments_directory: '/nowhere' is no directory"},
    {"NoDirectory", {{"transport", "\"file\""}, {"from", "\"a@example.com\""}}, "configuration /directory"},
    {"MissingDirectory",
     {{"transport", "\"file\""}, {"from", "\"a@example.com\""}, {"directory", "\"/nowhere\""}},
     "configuration /directory: '/nowhere' is no directory"},
};
INSTANTIATE_TEST_SUITE_P(, EmailConfig, ::testing::ValuesIn(bad_configs),
                         [](const auto& config) { return config.param.name; });

}  // namespace
}  // namespace sluice::test
