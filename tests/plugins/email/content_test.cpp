// The contents of a mail: bodies, header fields, and attachments in each form that applications use.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "email_plugin.hpp"

namespace sluice::test {
namespace {

ReceivedMail arrived(const std::string& rest, const Settings& more = {}) {
  const SmtpServer server;
  EmailPlugin plugin(server, more);
  const auto outcome = plugin.send(R"({"to": "a@example.com", )" + rest + "}");
  if (outcome.result != SLUICE_DONE) throw std::runtime_error(said(outcome));
  return server.mail(0);
}

std::string list(const Json& array) {
  std::string all;
  for (const auto& item : array) all += (all.empty() ? "" : " ") + item.as_string();
  return all;
}

ReceivedMail with_attachment(const std::string& attachment, const Settings& more = {}) {
  return arrived(R"("subject": "s", "body": "b", "attachments": [)" + attachment + "]", more);
}

TEST(EmailBody, OfHtmlOnlyGetsAPlainText) {
  const auto received =
      arrived(R"("subject": "s", "html": "<p>Hello <b>Ada</b>,</p><p>5 &lt; 6 &euro;</p>")");
  EXPECT_EQ(list(received.mail().array("structure")), "multipart/alternative text/plain text/html");
  EXPECT_EQ(received.part(0).string("text"), "Hello Ada,\r\n\r\n5 < 6 €\r\n");
  EXPECT_EQ(received.part(1).string("text"), "<p>Hello <b>Ada</b>,</p><p>5 &lt; 6 &euro;</p>");
}

TEST(EmailBody, OfHtmlWithAnEmptyTextGetsAPlainText) {
  const auto received = arrived(R"("subject": "s", "body": "", "html": "<p>x</p>")");
  EXPECT_EQ(received.part(0).string("text"), "x\r\n");
}

TEST(EmailBody, MadeFromHtmlKeepsLinesListsAndLinks) {
  const auto received = arrived(R"("subject": "s", "html": )" + quoted(R"(<!DOCTYPE html>
<html><head><title>no</title><style>p {color: red}</style></head><body>
<h1>Ihre   Rechnung</h1>
<div>Zeile&nbsp;1<br>Zeile 2</div>
<ul><li>eins</li><li>zwei <i>drei</i></li></ul>
<table><tr><td>Summe</td><td>42</td></tr></table>
<p>Siehe <a href="https://shop.example/r/1">hier</a> oder <a href="https://shop.example">https://shop.example</a>,
<a href="mailto:a@shop.example">Post</a>, <a href="#top">oben</a>.</p>
<pre>  a
    b</pre>
<img src="cid:logo" alt="Logo"><script>no()</script>
<p>Ende)"));
  EXPECT_EQ(
      received.part(0).string("text"),
      "Ihre Rechnung\r\n\r\nZeile\u00A01\r\nZeile 2\r\n\r\n- eins\r\n- zwei drei\r\n\r\nSumme 42\r\n\r\n"
      "Siehe hier (https://shop.example/r/1) oder https://shop.example, Post (a@shop.example), oben.\r\n\r\n"
      "  a\r\n    b\r\n\r\nLogo\r\n\r\nEnde\r\n");
}

TEST(EmailBody, CanBeMadeFromBrokenOrDeepHtml) {
  std::string deep = "\"";
  for (int i = 0; i < 20000; ++i) deep += "<div>";
  const auto received = arrived(R"("subject": "s", "html": )" + deep + "x\"");
  EXPECT_NE(received.part(0).string("type"), "");
  EXPECT_EQ(arrived(R"("subject": "s", "html": "<b>x <a href=")").part(0).string("text"), "x\r\n");
}

TEST(EmailBody, CanBeInTheMemberTextOrBeANumber) {
  EXPECT_EQ(arrived(R"("subject": 42, "text": "t")").part(0).string("text"), "t\r\n");
  const auto received = arrived(R"("subject": 42, "body": 7, "text": "7")");
  EXPECT_EQ(received.header("Subject"), "42");
  EXPECT_EQ(received.part(0).string("text"), "7\r\n");
}

TEST(EmailSubject, LosesALineEndAtItsEnd) {
  EXPECT_EQ(arrived(R"("subject": "Hello\r\n", "body": "b")").header("Subject"), "Hello");
}

TEST(EmailSubject, OfLongAsciiIsFoldedAndNotEncoded) {
  std::string subject;
  for (int i = 0; i < 40; ++i) subject += (i == 0 ? "" : " ") + std::string("word") + std::to_string(i);
  const auto received = arrived(R"("body": "b", "subject": )" + sluice::test::quoted(subject));
  EXPECT_EQ(received.header("Subject"), subject);
  EXPECT_EQ(received.bytes().find("=?"), std::string::npos);
  EXPECT_LE(received.mail().integer("longest_line"), 78);
}

TEST(EmailHeaders, AreAdded) {
  const auto received = arrived(R"("subject": "s", "body": "b",
      "headers": {"List-Unsubscribe": "<https://example.com/u?a=?b>", "X-Campaign": 7, "X-Nothing": null,
                  "X-Two": ["1", "zwei ü"], "X-A-Rather-Long-Name-Of-A-Field": "ü"},
      "inReplyTo": "first@example.com", "references": ["<zero@example.com>", "first@example.com"],
      "messageId": "<own@example.com>")");
  const auto header = [&](const char* name) { return received.header(name); };
  EXPECT_EQ(header("List-Unsubscribe"), "<https://example.com/u?a=?b>");
  EXPECT_EQ(header("X-Campaign"), "7");
  EXPECT_EQ(header("X-A-Rather-Long-Name-Of-A-Field"), "ü");
  EXPECT_EQ(header("In-Reply-To"), "<first@example.com>");
  EXPECT_EQ(header("References"), "<zero@example.com> <first@example.com>");
  EXPECT_EQ(header("Message-ID"), "<own@example.com>");
  EXPECT_EQ(list(received.mail().array("names")),
            "Date From To Subject Message-ID In-Reply-To References List-Unsubscribe X-Campaign X-Two X-Two "
            "X-A-Rather-Long-Name-Of-A-Field MIME-Version Content-Type Content-Transfer-Encoding");
}

TEST(EmailNumbers, AreAcceptedAsTextsWithTheirDigits) {
  const auto received = arrived(R"("subject": 1.10, "body": 12345678901234567890123, "html": 2.50,
      "headers": {"X-Price": 1.10, "X-Id": 12345678901234567890123, "X-Two": [1e3]},
      "attachments": [{"filename": 1.0, "content": 7.00, "cid": 1}])");
  EXPECT_EQ(received.header("Subject"), "1.10");
  EXPECT_EQ(received.header("X-Price"), "1.10");
  EXPECT_EQ(received.header("X-Id"), "12345678901234567890123");
  EXPECT_EQ(received.header("X-Two"), "1e3");
  EXPECT_EQ(received.part(0).string("text"), "12345678901234567890123");
  EXPECT_EQ(received.part(1).string("text"), "2.50");
  EXPECT_EQ(received.part(2).string("filename"), "1.0");
  EXPECT_EQ(received.part(2).string("text"), "7.00");
}

TEST(EmailMembers, WithTheSameNameCountByTheLast) {
  const auto received =
      arrived(R"("subject": "first", "body": "first", "headers": {"X-A": "first", "X-A": "last"},
      "subject": "last", "body": "last", "to": "last@example.com")");
  EXPECT_EQ(received.header("Subject"), "last");
  EXPECT_EQ(received.part(0).string("text"), "last\r\n");
  EXPECT_EQ(received.addresses("To"), " <last@example.com>");
  EXPECT_EQ(list(received.mail().array("names")),
            "Date From To Subject Message-ID X-A MIME-Version Content-Type Content-Transfer-Encoding");
  EXPECT_EQ(received.header("X-A"), "last");
}

TEST(EmailSender, IsInTheHeaderIfItIsNotFrom) {
  const auto received = arrived(
      R"("subject": "s", "body": "b", "from": "Boss <boss@example.com>", "sender": "Desk <desk@example.com>")");
  EXPECT_EQ(received.addresses("From"), "Boss <boss@example.com>");
  EXPECT_EQ(received.addresses("Sender"), "Desk <desk@example.com>");
  EXPECT_EQ(received.json().string("sender"), "boss@example.com");  // of the envelope
  const auto same =
      arrived(R"("subject": "s", "body": "b", "from": "a@example.com", "sender": "A <a@Example.com>")");
  EXPECT_EQ(list(same.mail().array("names")),
            "Date From To Subject Message-ID MIME-Version Content-Type Content-Transfer-Encoding");
}

TEST(EmailHeaders, CanBeAnArray) {
  const auto received = arrived(
      R"("subject": "s", "body": "b", "headers": [{"key": "X-A", "value": "1"}, {"key": "X-B", "value": "2"}])");
  EXPECT_EQ(received.header("X-A") + received.header("X-B"), "12");
}

struct Form {
  const char* name;
  const char* attachment;
  const char* filename;
  const char* type;
  const char* charset;
  std::string_view content;
};

void PrintTo(const Form& form, std::ostream* out) {
  *out << form.name;
}

class EmailAttachmentForm : public ::testing::TestWithParam<Form> {};

TEST_P(EmailAttachmentForm, IsAccepted) {
  const Form& form = GetParam();
  const Scratch files;
  files.write("bill.pdf", "%PDF");
  const auto received = with_attachment(form.attachment, {{"attachments_directory", quoted(files.path())}});
  EXPECT_EQ(received.part(1).string("filename"), form.filename);
  EXPECT_EQ(received.part(1).string("name"), form.filename) << "for old readers";
  EXPECT_EQ(received.part(1).string("type"), form.type);
  EXPECT_EQ(received.part(1).string("charset"), form.charset);
  EXPECT_EQ(received.part(1).string("content"), base64_of(std::string(form.content)));
  EXPECT_EQ(received.part(1).string("disposition"), "attachment");
}

using namespace std::string_view_literals;
const Form forms[] = {
    {"Text", R"({"filename": "a.txt", "content": "test"})", "a.txt", "text/plain", "", "test"},
    {"TextBeyondAscii", R"({"filename": "a.csv", "content": "ü;€\n"})", "a.csv", "text/csv", "utf-8",
     "ü;€\n"},
    {"Base64", R"({"filename": "a.bin", "content": "dGVz\r\ndA==", "encoding": "base64"})", "a.bin",
     "application/octet-stream", "", "test"},
    {"Base64WithoutPadding", R"({"filename": "a", "content": "_-8", "encoding": "base64"})", "a",
     "application/octet-stream", "", "\xFF\xEF"sv},
    {"Hex", R"({"filename": "a", "content": "00fF", "encoding": "hex"})", "a", "application/octet-stream", "",
     "\0\xFF"sv},
    {"Latin1", R"({"filename": "a", "content": "ü", "encoding": "latin1"})", "a", "application/octet-stream",
     "", "\xFC"sv},
    {"Buffer", R"({"filename": "a.png", "content": {"type": "Buffer", "data": [137, 80]}})", "a.png",
     "image/png", "", "\x89P"sv},
    {"PrismasBytes", R"({"filename": "a.png", "content": {"0": 137, "1": 80}})", "a.png", "image/png", "",
     "\x89P"sv},
    {"PlainBytes", R"({"filename": "a.png", "content": [137, 80]})", "a.png", "image/png", "", "\x89P"sv},
    {"DataUri", R"({"filename": "a.png", "path": "data:image/gif;base64,R0lG"})", "a.png", "image/gif", "",
     "GIF"},
    {"DataUriAsHref", R"({"filename": "a", "href": "data:text/plain;charset=utf-8,a%20%C3%BC"})", "a",
     "text/plain", "utf-8", "a ü"},
    {"QuotedCharset",
     R"({"filename": "a.txt", "contentType": "text/plain; charset=\"utf-8\";", "content": "t"})", "a.txt",
     "text/plain", "utf-8", "t"},
    {"PathAlone", R"({"path": "bill.pdf"})", "bill.pdf", "application/pdf", "", "%PDF"},
    {"NullMembers",
     R"({"filename": "a", "content": "t", "path": null, "cid": null, "contentType": null, "encoding": null})",
     "a", "application/octet-stream", "", "t"},
    {"NoName", R"({"content": "t"})", "attachment-1", "application/octet-stream", "", "t"},
    {"NumberAsName", R"({"filename": 2026, "content": 7})", "2026", "application/octet-stream", "", "7"},
};
INSTANTIATE_TEST_SUITE_P(, EmailAttachmentForm, ::testing::ValuesIn(forms),
                         [](const auto& form) { return form.param.name; });

TEST(EmailAttachment, CanNameItsFileWithTheDirectory) {
  const Scratch files;
  files.write("bill.pdf", "%PDF");
  const auto received = with_attachment(R"({"path": )" + quoted(files.path("bill.pdf")) + "}",
                                        {{"attachments_directory", quoted(files.path())}});
  EXPECT_EQ(received.part(1).string("content"), base64_of("%PDF"));
}

TEST(EmailAttachment, WithALongNameHasTheNameInPieces) {
  std::string name;
  for (int i = 0; i < 50; ++i) name += "Grüße";
  name = name.substr(0, 240) + ".pdf";
  const auto received = with_attachment(R"({"content": "", "filename": )" + sluice::test::quoted(name) + "}");
  EXPECT_EQ(received.part(1).string("filename"), name);
  EXPECT_LE(received.mail().integer("longest_line"), 78);
}

TEST(EmailInline, PicturesBelongToTheHtml) {
  const auto received =
      arrived(R"("subject": "s", "body": "b", "html": "<img src=\"cid:logo@shop\">", "attachments": [
      {"filename": "logo.png", "cid": "logo@shop", "content": "iVBO", "encoding": "base64"},
      {"filename": "bill.pdf", "content": "%PDF"}])");
  EXPECT_EQ(list(received.mail().array("structure")),
            "multipart/mixed multipart/alternative text/plain multipart/related text/html image/png "
            "application/pdf");
  EXPECT_EQ(received.part(2).string("cid"), "<logo@shop>");
  EXPECT_EQ(received.part(2).string("disposition"), "inline");
  EXPECT_EQ(received.part(3).string("disposition"), "attachment");
  EXPECT_EQ(list(received.mail().array("defects")), "");
}

/// The templates of two mails.
class Templates {
 public:
  Templates() {
    for (const char* folder : {"welcome", "short"}) std::filesystem::create_directory(files_.path(folder));
    files_.write("welcome/template.html", "<p>Hello {{ name }}, {{ total | money }}.</p>");
    files_.write("welcome/template.txt", "Hello {{ name }}, {{ total | money }}.\n");
    files_.write("welcome/subject.txt", "Welcome,\n{{ name }}\n");
    files_.write("short/template.html", "<p>{{ order.items | length }} things</p>");
  }
  Settings settings() const { return {{"templates", sluice::test::quoted(files_.path())}}; }
  const Scratch& files() const { return files_; }

 private:
  Scratch files_;
};

TEST(EmailTemplate, ProvidesSubjectTextAndHtml) {
  const Templates templates;
  const auto received = arrived(R"("template": "welcome", "data": {"name": "Ada & Bob", "total": "10.50"})",
                                templates.settings());
  EXPECT_EQ(received.header("Subject"), "Welcome, Ada & Bob");
  EXPECT_EQ(list(received.mail().array("structure")), "multipart/alternative text/plain text/html");
  EXPECT_EQ(received.part(0).string("text"), "Hello Ada & Bob, 10.50.");
  EXPECT_EQ(received.part(1).string("text"), "<p>Hello Ada &amp; Bob, 10.50.</p>");
}

TEST(EmailTemplate, DoesNotReplaceTextsOfThePayload) {
  const Templates templates;
  const auto received = arrived(R"("template": "welcome", "subject": "Own", "body": "own",
      "data": {"name": "Ada", "total": 1234.5}, "locale": "de")",
                                templates.settings());
  EXPECT_EQ(received.header("Subject"), "Own");
  EXPECT_EQ(received.part(0).string("text"), "own");
  EXPECT_NE(received.part(1).string("text").find("1.234,50"), std::string::npos)
      << received.part(1).string("text");
}

TEST(EmailTemplate, OfHtmlOnlyGetsAPlainText) {
  const Templates templates;
  const auto received = arrived(
      R"("template": "short", "subject": "s", "data": {"order": {"items": [1, 2]}})", templates.settings());
  EXPECT_EQ(received.part(0).string("text"), "2 things\r\n");
}

TEST(EmailTemplate, ThatCannotBeRenderedFailsWithItsPlace) {
  const Templates templates;
  const Scratch mails;
  EmailPlugin plugin(file_settings(mails) + templates.settings());
  const auto send = [&](const std::string& rest) {
    return plugin.send(R"({"to": "a@example.com", "subject": "s", )" + rest + "}");
  };
  EXPECT_THAT(send(R"("template": "welcome", "data": {"name": "Ada"})"),
              testing::Fails("template-error", ::testing::HasSubstr("welcome/template")));
  EXPECT_THAT(send(R"("template": "nothing")"),
              testing::Fails("unknown-template", ::testing::HasSubstr("short, welcome")));
  EXPECT_THAT(EmailPlugin(file_settings(mails)).send(R"({"to": "a@example.com", "template": "welcome"})"),
              testing::Fails("bad-payload", ::testing::HasSubstr("the plugin has no templates")));
}

TEST(EmailTemplate, WhoseProgramEndsIsRetriedWithANewProcess) {
  const Templates templates;
  const Scratch mails;
  const std::string program =
      mails.write("program.py",
                  "import sys\nfor line in sys.stdin:\n    if '\"die\"' in line: sys.exit(1)\n"
                  "    print('{\"template.txt\": \"alive\"}', flush=True)\n");
  EmailPlugin plugin(file_settings(mails) + templates.settings() +
                     Settings{{"renderer", sluice::test::quoted(program)}});
  EXPECT_THAT(plugin.send(R"({"to": "a@example.com", "subject": "s", "template": "die"})"),
              testing::Retries("template-renderer", ::testing::HasSubstr("it ended")));
  EXPECT_THAT(plugin.send(R"({"to": "a@example.com", "subject": "s", "template": "x"})"), testing::IsDone());
}

/// The output of dkim_check.py for a mail. `record` replaces the domain's DNS record.
std::string verified(const std::string& mail, const std::string& record) {
  const Scratch scratch;
  const std::string file = scratch.write("mail.eml", mail);
  const std::string out = scratch.path("out");
  const std::string command =
      std::string(SYSTEM_PYTHON) + " " + DKIM_CHECK + " " + file + " '" + record + "' > " + out;
  if (std::system(command.c_str()) != 0) return "the check did not run";
  return scratch.read("out");
}

struct DkimKey {
  const char* name;
  const char* algorithm;  // for openssl
  const char* kind;       // for the DNS record
};

void PrintTo(const DkimKey& key, std::ostream* out) {
  *out << key.name;
}

class EmailDkim : public ::testing::TestWithParam<DkimKey> {};

TEST_P(EmailDkim, IsVerifiedByAnotherProgram) {
  const Scratch keys;
  const std::string key = keys.path("key.pem");
  const std::string shell = std::string("openssl genpkey ") + GetParam().algorithm + " -out " + key +
                            " 2>/dev/null && openssl pkey -in " + key + " -pubout -outform DER | tail -c " +
                            (std::string(GetParam().kind) == "ed25519" ? "32" : "100000") +
                            " | base64 -w0 > " + keys.path("public");
  ASSERT_EQ(std::system(shell.c_str()), 0);
  const std::string record = std::string("v=DKIM1; k=") + GetParam().kind + "; p=" + keys.read("public");
  const SmtpServer server;
  EmailPlugin plugin(server, {{"dkim", R"({"selector": "mail2026", "key_file": )" + quoted(key) + "}"}});
  const auto outcome =
      plugin.send(R"({"to": "Ädä <a@example.com>", "subject": "ß  two blanks", "body": "trailing \n\n\n",
      "html": "<p>x</p>", "headers": {"List-Unsubscribe": "<https://example.com/u>", "X-Two": ["1", "2"]}})");
  ASSERT_THAT(outcome, testing::IsDone());
  const std::string mail = server.mails().at(0).bytes();
  EXPECT_EQ(mail.rfind("DKIM-Signature: v=1; a=" + std::string(GetParam().kind) + "-sha256;", 0), 0U) << mail;
  EXPECT_NE(mail.find("d=shop.example; s=mail2026;"), std::string::npos) << mail;
  EXPECT_EQ(verified(mail, record), "mail2026._domainkey.shop.example. True\n");
  EXPECT_EQ(verified(mail.substr(0, mail.size() - 10) + "x\r\n", record),
            "mail2026._domainkey.shop.example. False\n");
  EXPECT_EQ(verified("From: other@example.com\r\n" + mail, record),
            "mail2026._domainkey.shop.example. False\n")
      << "a second From makes the signature invalid";
}

constexpr DkimKey keys[] = {
    {"Rsa", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "rsa"},
    {"Ed25519", "-algorithm ED25519", "ed25519"},
};
INSTANTIATE_TEST_SUITE_P(, EmailDkim, ::testing::ValuesIn(keys),
                         [](const auto& key) { return key.param.name; });

}  // namespace
}  // namespace sluice::test
