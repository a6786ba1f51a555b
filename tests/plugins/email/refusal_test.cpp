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
    {"NoTo", R"({"subject": "s", "body": "b"})", "bad-payload",
     "payload /to: expected at least one address, found none in to, cc or bcc"},
    {"NullTo", R"({"to": null, "subject": "s", "body": "b"})", "bad-payload", "payload /to"},
    {"EmptyTo", R"({"to": [], "subject": "s", "body": "b"})", "bad-payload", "payload /to"},
    {"BlankTo", R"({"to": " ", "cc": "", "subject": "s", "body": "b"})", "bad-payload", "payload /to"},
    {"EmptyGroup", R"({"to": "undisclosed-recipients:;", "subject": "s", "body": "b"})", "bad-payload",
     "payload /to"},
    {"NoBody", R"({"to": "a@example.com", "subject": "s", "html": null})", "bad-payload",
     "payload /body: expected a text"},
    {"TwoBodies", R"({"to": "a@example.com", "subject": "s", "body": "b", "text": "c"})", "bad-payload",
     "payload /text"},
    {"NumberTo", R"({"to": 7, "subject": "s", "body": "b"})", "bad-payload",
     "payload /to: expected a string"},
    {"NoSubject", R"({"to": "a@example.com", "body": "b"})", "bad-payload", "payload /subject"},
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
     "bad-header", "invalid UTF-8"},
    {"BrokenUtf8InBody", "{\"to\": \"a@example.com\", \"subject\": \"s\", \"body\": \"\xED\xA0\x80\"}",
     "bad-payload", "payload /body: found invalid UTF-8"},

    {"NoAt", R"({"to": "example.com", "subject": "s", "body": "b"})", "bad-address", "'example.com'"},
    {"LostAt", R"({"to": "ann.example.com, Bob <bob@example.com>", "subject": "s", "body": "b"})",
     "bad-address", "'ann.example.com' is neither an address nor part of a name"},
    {"UndefinedInAList", R"({"to": "undefined, Bob <bob@example.com>", "subject": "s", "body": "b"})",
     "bad-address", "'undefined'"},
    {"NoLocalPart", R"({"to": "@example.com", "subject": "s", "body": "b"})", "bad-address", "payload /to"},
    {"NoDomain", R"({"to": "a@", "subject": "s", "body": "b"})", "bad-address", "payload /to"},
    {"BlankInside", R"({"to": "a b@example.com", "subject": "s", "body": "b"})", "bad-address",
     "payload /to"},
    {"TwoWithNamesInOne", R"({"to": "<a@example.com>, <b@example.com> x", "subject": "s", "body": "b"})",
     "bad-address", "payload /to"},
    {"ParametersAfterIt", R"({"to": "a@example.com> SIZE=1", "subject": "s", "body": "b"})", "bad-address",
     "payload /to"},
    {"ForgottenComma", R"({"to": "a@example.com b@example.com", "subject": "s", "body": "b"})", "bad-address",
     "payload /to"},
    {"ForgottenCommaBetweenNames",
     R"({"to": "A <a@example.com> B <b@example.com>", "subject": "s", "body": "b"})", "bad-address",
     "expected a comma or the end"},
    {"ForgottenCommaBeforeAName", R"({"to": "a@example.com B <b@example.com>", "subject": "s", "body": "b"})",
     "bad-address", "a comma is missing in or after 'a@example.com B'"},
    {"NameAlone", R"({"to": "Bob <bob@example.com>, Ann", "subject": "s", "body": "b"})", "bad-address",
     "'Ann' has no address"},
    {"NameBeforeAnAddress", R"({"to": "Doe, j@example.com", "subject": "s", "body": "b"})", "bad-address",
     "'Doe' has no address"},
    {"NameBeforeASemicolon", R"({"to": "Ann; Bob <bob@example.com>", "subject": "s", "body": "b"})",
     "bad-address", "'Ann' has no address"},
    {"NotClosed", R"({"to": "Ann <ann@example.com", "subject": "s", "body": "b"})", "bad-address",
     "the '<' has no '>'"},
    {"QuoteNotClosed", R"({"to": "\"Ann <ann@example.com>", "subject": "s", "body": "b"})", "bad-address",
     "the quote is not closed"},
    {"CommentNotClosed", R"({"to": "ann@example.com (work", "subject": "s", "body": "b"})", "bad-address",
     "the comment is not closed"},
    {"GroupNotClosed", R"({"to": "Friends: a@example.com", "subject": "s", "body": "b"})", "bad-address",
     "no ';'"},
    {"NameBeforeAnAngle", R"({"to": "Ann <ann at example.com>", "subject": "s", "body": "b"})", "bad-address",
     "'ann at example.com' is not an address"},
    {"BadDomain", R"({"to": "a@-example.com", "subject": "s", "body": "b"})", "bad-address", "payload /to"},
    {"BadIdn", "{\"to\": \"a@\u2603\u0301.\u200b\", \"subject\": \"s\", \"body\": \"b\"}", "bad-address",
     "payload /to"},
    {"LongLocalPart",
     R"({"to": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.com", "subject": "s", "body": "b"})",
     "bad-address", "payload /to"},
    {"ObjectWithoutAddress", R"({"to": [{"name": "Ann"}], "subject": "s", "body": "b"})", "bad-address",
     "payload /to/0: expected address"},
    {"ObjectWithTwo", R"({"to": [{"address": "a@example.com, b@example.com"}], "subject": "s", "body": "b"})",
     "bad-address", "payload /to/0/address"},
    {"TwoFrom",
     R"({"to": "a@example.com", "from": "a@example.com, b@example.com", "subject": "s", "body": "b"})",
     "bad-address", "payload /from: found 2"},
    {"TwoSenders",
     R"({"to": "a@example.com", "sender": ["b@example.com", "c@example.com"], "subject": "s", "body": "b"})",
     "bad-address", "payload /sender: found 2 addresses, expected one"},
    {"SenderAmongHeaders",
     R"({"to": "a@example.com", "subject": "s", "body": "b", "headers": {"Sender": "b@example.com"}})",
     "bad-header", "Sender is set by the plugin; use the payload's own members (to, cc, from, sender"},
    {"BadSecond", R"({"to": ["a@example.com", "b"], "subject": "s", "body": "b"})", "bad-address",
     "payload /to/1"},

    {"DirectoryInFilename", WITH_ATTACHMENT(R"({"filename": "../a", "content": ""})"), "bad-attachment",
     "plain file name"},
    {"NoContent", WITH_ATTACHMENT(R"({"filename": "a"})"), "bad-attachment", "either content or path"},
    {"ContentAndPath", WITH_ATTACHMENT(R"({"filename": "a", "content": "", "path": "file"})"),
     "bad-attachment", "either content or path"},
    {"NoBase64", WITH_ATTACHMENT(R"({"filename": "a", "content": "a.b!", "encoding": "base64"})"),
     "bad-attachment", "payload /attachments/0/content: expected base64, as encoding says"},
    {"OnlyPadding", WITH_ATTACHMENT(R"({"filename": "a", "content": "====", "encoding": "BASE64"})"),
     "bad-attachment", "base64"},
    {"OneDigit", WITH_ATTACHMENT(R"({"filename": "a", "content": "YWJjY", "encoding": "base64"})"),
     "bad-attachment", "base64"},
    {"NoHex", WITH_ATTACHMENT(R"({"filename": "a", "content": "0g", "encoding": "hex"})"), "bad-attachment",
     "expected hex"},
    {"NoLatin", WITH_ATTACHMENT(R"({"filename": "a", "content": "\u20ac", "encoding": "latin1"})"),
     "bad-attachment", "expected latin1"},
    {"OddEncoding", WITH_ATTACHMENT(R"({"filename": "a", "content": "", "encoding": "rot13"})"),
     "bad-attachment", "'rot13' is an unknown encoding"},
    {"NoBuffer", WITH_ATTACHMENT(R"({"filename": "a", "content": {"data": [1]}})"), "bad-attachment",
     "the JSON of a Buffer"},
    {"NoByte", WITH_ATTACHMENT(R"({"filename": "a", "content": {"type": "Buffer", "data": [256]}})"),
     "bad-attachment", "payload /attachments/0/content/data/0: expected a byte"},
    {"NoByteOfATypedArray", WITH_ATTACHMENT(R"({"filename": "a", "content": {"0": 1, "1": -1}})"),
     "bad-attachment", "payload /attachments/0/content/1: expected a byte"},
    {"BadDataUri", WITH_ATTACHMENT(R"({"filename": "a", "path": "data:text/plain"})"), "bad-attachment",
     "no comma"},
    {"Fetched", WITH_ATTACHMENT(R"({"filename": "a", "href": "https://example.com/a.pdf"})"),
     "bad-attachment", "attachments are not fetched"},
    {"OfAJob", WITH_ATTACHMENT(R"({"filename": "a", "job": "job-7"})"), "bad-attachment",
     "payload /attachments/0/job: attachments are not fetched"},
    {"OddCid", WITH_ATTACHMENT(R"({"filename": "a", "content": "", "cid": "a b"})"), "bad-attachment",
     "/cid"},
    {"OddDisposition", WITH_ATTACHMENT(R"({"filename": "a", "content": "", "contentDisposition": "x"})"),
     "bad-attachment", "expected attachment or inline"},

    {"OwnHeader",
     R"({"to": "a@example.com", "subject": "s", "body": "b", "headers": {"From": "x@example.com"}})",
     "bad-header", "payload /headers/From: From is set by the plugin"},
    {"OwnHeaderInLowerCase",
     R"({"to": "a@example.com", "subject": "s", "body": "b", "headers": [{"key": "bcc", "value": "x@example.com"}]})",
     "bad-header", "bcc is set by the plugin"},
    {"ContentHeader",
     R"({"to": "a@example.com", "subject": "s", "body": "b", "headers": {"Content-Type": "text/html"}})",
     "bad-header", "is set by the plugin"},
    {"HeaderName", R"({"to": "a@example.com", "subject": "s", "body": "b", "headers": {"X: y\r\nZ": "x"}})",
     "bad-header", "is not a header field name"},
    {"HeaderValue",
     R"({"to": "a@example.com", "subject": "s", "body": "b", "headers": {"X-Y": "x\r\nZ: y"}})", "bad-header",
     "payload /headers/X-Y: found a line break"},
    {"HeaderThatIsTrue", R"({"to": "a@example.com", "subject": "s", "body": "b", "headers": {"X-Y": true}})",
     "bad-payload", "payload /headers/X-Y: expected a string or a number, found a boolean"},
    {"HeaderThatIsAnObject",
     R"({"to": "a@example.com", "subject": "s", "body": "b", "headers": [{"key": "X-Y", "value": [{"a": 1}]}]})",
     "bad-payload", "payload /headers/0/value/0: expected a string or a number, found an object"},
    {"SubjectThatIsTrue", R"({"to": "a@example.com", "subject": true, "body": "b"})", "bad-payload",
     "payload /subject: expected a string or a number, found a boolean"},
    {"MessageId", R"({"to": "a@example.com", "subject": "s", "body": "b", "messageId": "<a b@c>"})",
     "bad-header", "payload /messageId"},
    {"EnvelopeFrom",
     R"({"to": "a@example.com", "subject": "s", "body": "b", "envelope": {"from": "a@b.c, d@e.f"}})",
     "bad-address", "payload /envelope/from: expected one address"},

    {"NoContentType", WITH_ATTACHMENT(R"({"filename": "a", "contentType": "pdf", "content": ""})"),
     "bad-attachment", "is not a content type"},
    {"OpenQuote", WITH_ATTACHMENT(R"({"filename": "a", "contentType": "a/b; c=\"d", "content": ""})"),
     "bad-attachment", "is not a content type"},
    {"OddContentType", WITH_ATTACHMENT(R"({"filename": "a", "contentType": "a/b; c", "content": ""})"),
     "bad-attachment", "is not a content type"},
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

TEST(EmailAttachment, FromAFileNeedsADirectory) {
  const Scratch mails;
  const auto outcome =
      EmailPlugin(file_settings(mails)).send(WITH_ATTACHMENT(R"({"filename": "a", "path": "file"})"));
  EXPECT_EQ(outcome.result, SLUICE_FAIL);
  EXPECT_NE(outcome.error.find("no attachments_directory"), std::string::npos) << outcome.error;
}

TEST(EmailAttachment, WhoseFileDoesNotExistYetIsRetried) {
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
     "configuration /from: 'shop' is not a mail address"},
    {"NotSmtp", to("http://localhost"), "configuration /url: expected smtp://host:port"},
    {"NoUrlAtAll", to("localhost:25:x"), "configuration /url: expected smtp://host:port"},
    {"PasswordInUrl", to("smtp://ada:s3cret@localhost"), "can't contain a password"},
    {"OtherStarttls", to("smtp://localhost", {{"starttls", "\"yes\""}}),
     "expected required, optional or never"},
    {"StarttlsInSmtps", to("smtps://localhost"), "smtps:// is encrypted from the first byte"},
    {"NoPassword", to("smtp://localhost", {{"user", "\"ada\""}}), "configuration /user: no password is set"},
    {"NoUser", to("smtp://localhost", {{"password", "\"x\""}}), "a password or token is set but no user"},
    {"TwoPasswords",
     to("smtp://localhost", {{"user", "\"a\""}, {"password", "\"x\""}, {"password_file", "\"/x\""}}),
     "keep one of them"},
    {"NoPasswordFile", to("smtp://localhost", {{"user", "\"a\""}, {"password_file", "\"/nowhere/x\""}}),
     "configuration /password_file: '/nowhere/x' is not a file"},
    {"PlainPassword", to("smtp://mail.example.com", {{"user", "\"a\""}, {"password", "\"x\""}}),
     "the password could be sent unencrypted"},
    {"PlainPasswordMaybe",
     to("smtp://mail.example.com", {{"user", "\"a\""}, {"password", "\"x\""}, {"starttls", "\"optional\""}}),
     "the password could be sent unencrypted"},
    {"NoCaFile", to("smtp://localhost", {{"ca_file", "\"/nowhere/ca.pem\""}}), "configuration /ca_file"},
    {"NoTimeout", to("smtp://localhost", {{"timeout", "0"}}), "configuration /timeout: expected seconds"},
    {"LongTimeout", to("smtp://localhost", {{"connect_timeout", "1e300"}}), "configuration /connect_timeout"},
    {"NoBytes", to("smtp://localhost", {{"max_bytes", "0"}}), "configuration /max_bytes"},
    {"OddAuth", to("smtp://localhost", {{"user", "\"a\""}, {"password", "\"x\""}, {"auth", "\"ntlm\""}}),
     "expected plain, login, cram-md5 or xoauth2"},
    {"TokenWithoutOauth", to("smtp://localhost", {{"user", "\"a\""}, {"auth", "\"xoauth2\""}}),
     "xoauth2 needs the table oauth"},
    {"OauthWithPassword",
     to("smtp://localhost", {{"user", "\"a\""}, {"password", "\"x\""}, {"oauth", R"({"token": "t"})"}}),
     "a password is set too"},
    {"EmptyOauth", to("smtp://localhost", {{"user", "\"a\""}, {"oauth", "{}"}}),
     "configuration /oauth: expected either token_file"},
    {"PlainEndpoint",
     to("smtp://localhost",
        {{"user", "\"a\""}, {"oauth", R"({"endpoint": "http://login.example.com", "client_id": "c"})"}}),
     "expected the https:// address"},
    {"NoClient",
     to("smtp://localhost",
        {{"user", "\"a\""}, {"oauth", R"({"endpoint": "https://login.example.com", "client_id": "c"})"}}),
     "expected client_secret_file, refresh_token_file or both"},
    {"PlainToken", to("smtp://mail.example.com", {{"user", "\"a\""}, {"oauth", R"({"token": "t"})"}}),
     "the password could be sent unencrypted"},
    {"OddRate", to("smtp://localhost", {{"rate", "\"10\""}}), "like 10/s, 30/min or 500/h"},
    {"NoRate", to("smtp://localhost", {{"rate", "\"0/s\""}}), "configuration /rate"},
    {"OddOnRejected", to("smtp://localhost", {{"on_rejected", "\"some\""}}), "expected deliver or none"},
    {"OddName", to("smtp://localhost", {{"ehlo_name", "\"a b\""}}), "configuration /ehlo_name"},
    {"NoTemplates", to("smtp://localhost", {{"templates", "\"/nowhere\""}}),
     "configuration /templates: '/nowhere' is not a directory"},
    {"NoKey", to("smtp://localhost", {{"dkim", R"({"selector": "s", "key_file": "/nowhere/key"})"}}),
     "configuration /dkim/key_file: '/nowhere/key' is not a file"},
    {"OddKey", to("smtp://localhost", {{"dkim", R"({"selector": "s", "key_file": "/etc/hostname"})"}}),
     "is not a private key"},
    {"BadDomain", to("smtp://localhost", {{"message_id_domain", "\"a b\""}}),
     "configuration /message_id_domain"},
    {"NoAttachments", to("smtp://localhost", {{"attachments_directory", "\"/nowhere\""}}),
     "configuration /attachments_directory: '/nowhere' is not a directory"},
    {"NoDirectory", {{"transport", "\"file\""}, {"from", "\"a@example.com\""}}, "configuration /directory"},
    {"MissingDirectory",
     {{"transport", "\"file\""}, {"from", "\"a@example.com\""}, {"directory", "\"/nowhere\""}},
     "configuration /directory: '/nowhere' is not a directory"},
};
INSTANTIATE_TEST_SUITE_P(, EmailConfig, ::testing::ValuesIn(bad_configs),
                         [](const auto& config) { return config.param.name; });

}  // namespace
}  // namespace sluice::test
