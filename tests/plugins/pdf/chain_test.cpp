// Jobs as an application with Prisma enqueues them, in the whole program with the real plugins: the proposal
// of the guide is mailed to the customer.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "program/outbox.hpp"

namespace sluice::test {

namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class PdfChain : public Outbox {
 protected:
  PdfChain() {
    const fs::path directory = plugins.scratch().path();
    for (const std::string& plugin : {std::string(PDF_PLUGIN), std::string(EMAIL_PLUGIN),
                                      std::string(NOTIFICATION_PLUGIN), std::string(SYNC_PLUGIN)}) {
      fs::copy_file(plugin, directory / fs::path(plugin).filename());
    }
    fs::copy(fs::path(PDF_PLUGIN).parent_path() / "pdf", directory / "pdf", fs::copy_options::recursive);
    for (const char* folder : {"mails", "documents"}) fs::create_directory(scratch.path(folder));
    database.exec("CREATE ROLE " + role_ + " NOLOGIN");
    database.exec(
        "CREATE SCHEMA crm; CREATE TABLE crm.customer (id bigint PRIMARY KEY, name text, city text, credit "
        "numeric)");
    scratch.write("url", database.url() + "\n");
    config = scratch.write("chain.toml", scratch.read("sluice.toml") + R"([plugins]
start_timeout = "60s"
[plugin.pdf]
slots = 1
[plugin.pdf.config]
output = ")" + scratch.path("documents") +
                                             R"("
[plugin.email.config]
transport = "file"
directory = ")" + scratch.path("mails") + R"("
from = "shop@example.com"
attachments_directory = ")" + scratch.path("documents") +
                                             R"("
[plugin.notification]
role = ")" + role_ + R"("
[plugin.sync.config.targets.database]
kind = "database"
url_file = ")" + scratch.path("url") + R"("
table = "crm.customer"
key = ["id"]
columns = ["id", "name", "city", "credit"]
)");
    const Ended made = sluice({"init"});
    EXPECT_EQ(made.code, 0) << made.err;
    database.exec("GRANT INSERT ON sluice.notification TO " + role_);
  }
  ~PdfChain() override {
    database.exec("DROP OWNED BY " + role_);
    database.exec("DROP ROLE " + role_);
  }

  std::string mail_with(const std::string& text) const {
    for (const auto& entry : fs::directory_iterator(scratch.path("mails"))) {
      std::string mail = content(entry.path());
      if (mail.find(text) != std::string::npos) return mail;
    }
    return {};
  }

  const std::string role_ = "notifier_of_" + database.name();
};

// In Prisma's JSON, Decimal and BigInt are text, a Date is ISO 8601, and an absent value is null.
TEST_F(PdfChain, PrismasRowsAreProcessedByAllFourPluginsAndTheDocumentIsMailed) {
  insert(
      "mail", "email.send",
      R"({"to": "grace@example.com", "cc": null, "html": null, "subject": "Created", "body": "It is there"})");
  insert("notify", "notification.send",
         R"({"userId": 42, "type": "created", "message": "It is there", "link": null,
             "data": {"taxRate": "19", "validUntil": "2026-12-31T00:00:00.000Z", "customerNumber": "9007199254740993"}})");
  insert("sync", "data.sync",
         R"({"source": "app", "target": "database",
             "data": [{"id": "9007199254740993", "name": "Grace", "city": null, "credit": "10.50"}]})");
  insert("document", "pdf.generate",
         R"({"template": "proposal", "filename": "proposal-1.pdf", "exists": null,
             "data": {"proposalId": "1", "subtitle": null, "validUntil": "2026-12-31T00:00:00.000Z", "taxRate": "19",
                      "currency": "EUR", "customerNumber": "9007199254740993",
                      "items": [{"id": "1", "price": "38.405", "detail": null, "quantity": "640.5"}]},
             "then": {"type": "email.send", "payload": {"to": "grace@example.com", "cc": null,
                      "subject": "The document", "body": "Attached"}}})");
  const Ended drained = sluice({"drain"});
  SCOPED_TRACE(drained.err);
  EXPECT_EQ(drained.code, 0);
  for (const char* id : {"mail", "notify", "sync", "document"}) EXPECT_EQ(status(id), "done") << error(id);
  ASSERT_EQ(count("status <> 'done'"), "0");
  EXPECT_EQ(count("true"), "5");  // including the mail of the follow-up job
  EXPECT_EQ(database.value("SELECT id || name || credit FROM crm.customer WHERE city IS NULL"),
            "9007199254740993Grace10.50");
  EXPECT_EQ(database.value("SELECT user_id FROM sluice.notification"), "42");

  const auto mail = mail_with("Subject: The document");
  EXPECT_THAT(mail, HasSubstr("Content-Type: application/pdf"));
  EXPECT_THAT(mail, HasSubstr("proposal-1.pdf"));
  EXPECT_THAT(mail, HasSubstr("JVBERi0xLj"));  // %PDF-1. in base64
}

TEST_F(PdfChain, NothingIsMailedIfTheDocumentFails) {
  insert("document", "pdf.generate",
         R"({"template": "nobody", "filename": "a.pdf",
             "then": {"payload": {"to": "grace@example.com", "subject": "The document", "body": "Attached"}}})");
  sluice({"drain"});
  EXPECT_EQ(status("document"), "error");
  EXPECT_EQ(count("true"), "1");
  EXPECT_TRUE(fs::is_empty(scratch.path("mails")));
}

TEST_F(PdfChain, EachPluginMayDoWhatItsConfigurationNeedsAndNoMore) {
  const auto inspected = [&](const std::string& plugin) {
    return sluice({"plugin", "inspect", plugins.path() + "/" + plugin + ".so"}).out;
  };
  const std::string email = inspected("email");
  EXPECT_THAT(email, HasSubstr("may read          " + scratch.path("documents") + ", besides"));
  EXPECT_THAT(email, HasSubstr("may write         " + scratch.path("mails") + "\n"));
  EXPECT_THAT(email, HasSubstr("may use           no network\n"));
  EXPECT_THAT(email, HasSubstr("may start         no programs\n"));
  const std::string pdf = inspected("pdf");
  EXPECT_THAT(pdf, HasSubstr("may write         " + scratch.path("documents") + ", /tmp\n"));
  EXPECT_THAT(pdf, HasSubstr("may use           no network\n"));
  const std::string notification = inspected("notification");
  EXPECT_THAT(notification, HasSubstr("may write         nothing\n"));
  EXPECT_THAT(notification, HasSubstr("may use           no network\n"));
  const std::string sync = inspected("sync");
  EXPECT_THAT(sync, HasSubstr("may read          " + scratch.path() + ", besides"))
      << "the folder of url_file";
  EXPECT_THAT(sync, HasSubstr("may write         nothing\n"));
  EXPECT_THAT(sync, HasSubstr("may start         no programs\n"));
}

/// One mail without a runtime.
class SandboxedMail : public PdfChain {
 protected:
  Ended send(const std::string& settings, const std::string& payload, const std::string& more = "") const {
    const std::string file = scratch.write(
        "mail.toml", "[plugin.email.config]\nfrom = \"shop@example.com\"\n" + settings + "\n" + more);
    return run({"plugin", "run", plugins.path() + "/email.so", "email.send", payload, "--config", file});
  }
};

TEST_F(SandboxedMail, IsMadeFromATemplateByAProgram) {
  fs::create_directories(scratch.path("templates/welcome"));
  scratch.write("templates/welcome/template.txt", "Hello {{ name }}\n");
  const Ended sent =
      send("transport = \"file\"\ndirectory = \"" + scratch.path("mails") + "\"\ntemplates = \"" +
               scratch.path("templates") + "\"",
           R"({"to": "ada@example.com", "subject": "Hi", "template": "welcome", "data": {"name": "Ada"}})");
  EXPECT_EQ(sent.code, 0) << sent.out << sent.err;
  EXPECT_THAT(mail_with("Subject: Hi"), HasSubstr("Hello Ada"));
}

/// A server that says nothing.
class SilentServer {
 public:
  SilentServer() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    if (bind(fd_, reinterpret_cast<sockaddr*>(&address_), size) != 0 || listen(fd_, 8) != 0 ||
        getsockname(fd_, reinterpret_cast<sockaddr*>(&address_), &size) != 0) {
      throw std::runtime_error("can't listen on the loopback");
    }
  }
  ~SilentServer() { close(fd_); }
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;

  std::string port() const { return std::to_string(ntohs(address_.sin_port)); }
  /// Somebody connected since the last call.
  bool was_reached() const {
    const int peer = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (peer >= 0) close(peer);
    return peer >= 0;
  }

 private:
  int fd_;
  sockaddr_in address_{};
};

TEST_F(SandboxedMail, ReachesOnlyThePortOfItsServer) {
  const SilentServer server;
  const std::string settings =
      "transport = \"smtp\"\nconnect_timeout = 0.1\nurl = \"smtp://127.0.0.1:" + server.port() + "\"";
  const std::string payload = R"({"to": "ada@example.com", "subject": "Hi", "body": "Hello"})";
  EXPECT_THAT(send(settings, payload).out, HasSubstr("outcome    retry\n"));
  EXPECT_TRUE(server.was_reached());
  if (syscall(SYS_landlock_create_ruleset, nullptr, 0, 1) < 4)
    GTEST_SKIP() << "needs a kernel that restricts ports";
  EXPECT_THAT(send(settings, payload, "[plugin.email.sandbox]\nconnect = [1]\n").out,
              HasSubstr("outcome    retry\n"));
  EXPECT_FALSE(server.was_reached());
}

}  // namespace

}  // namespace sluice::test
