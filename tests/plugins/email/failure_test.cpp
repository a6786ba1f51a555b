// Which failures are retried and which end the job, as in the table of plugins/email/README.md.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

#include "email_plugin.hpp"

namespace sluice::test {
namespace {

struct Failure {
  const char* name;
  const char* server;  // its options
  std::int32_t result;
  const char* code;
  const char* words;  // a part of the error
};

void PrintTo(const Failure& failure, std::ostream* out) {
  *out << failure.name;
}

class EmailFailure : public ::testing::TestWithParam<Failure> {};

TEST_P(EmailFailure, IsRetriedOrFinal) {
  const Failure& failure = GetParam();
  const SmtpServer server(failure.server);
  EmailPlugin plugin(server, {{"timeout", "30"}});
  const auto outcome = plugin.send(guide_payload);
  EXPECT_EQ(outcome.result, failure.result) << said(outcome);
  EXPECT_EQ(outcome.code, failure.code) << outcome.error;
  EXPECT_NE(outcome.error.find(failure.words), std::string::npos) << outcome.error;
  EXPECT_NE(outcome.error.find(server.url()), std::string::npos) << outcome.error;
  EXPECT_EQ(server.mails().size(), 0U);
  EXPECT_EQ(server.count("connected"), 1)
      << "after a failure on a new connection, the attempt does not connect again";
}

constexpr Failure failures[] = {
    // Replies about this mail: 4xx is retried, 5xx is final.
    {"Mail421", R"({"answers": {"MAIL": "421 4.3.2 shutting down"}})", SLUICE_RETRY, "smtp-421",
     "answered MAIL FROM:<shop@shop.example> SIZE="},
    {"Mail451", R"({"answers": {"MAIL": "451 4.3.0 try later"}})", SLUICE_RETRY, "smtp-451",
     "451 4.3.0 try later"},
    {"Mail552", R"({"answers": {"MAIL": "552 5.3.4 too big"}})", SLUICE_FAIL, "smtp-552",
     "552 5.3.4 too big"},
    {"Rcpt450", R"({"answers": {"RCPT": "450 4.2.1 greylisted"}})", SLUICE_RETRY, "smtp-450",
     "answered RCPT TO:<user@example.com> with: 450 4.2.1 greylisted"},
    {"Rcpt452", R"({"answers": {"RCPT": "452 4.2.2 over quota"}})", SLUICE_RETRY, "smtp-452", "over quota"},
    {"Rcpt550", R"({"answers": {"RCPT": "550 5.1.1 no such user"}})", SLUICE_FAIL, "smtp-550",
     "answered RCPT TO:<user@example.com> with: 550 5.1.1 no such user"},
    {"RcptOnTwoLines", R"({"answers": {"RCPT": "550-5.7.1 no\r\n550 5.7.1 never"}})", SLUICE_FAIL, "smtp-550",
     "550-5.7.1 no 550 5.7.1 never"},
    {"Data451", R"({"answers": {"DATA": "451 4.3.0 scanner down"}})", SLUICE_RETRY, "smtp-451",
     "answered the message with: 451 4.3.0 scanner down"},
    {"Data452", R"({"answers": {"DATA": "452 4.3.1 disk full"}})", SLUICE_RETRY, "smtp-452", "disk full"},
    {"Data552", R"({"answers": {"DATA": "552 5.3.4 too big"}})", SLUICE_FAIL, "smtp-552", "too big"},
    {"Data554", R"({"answers": {"DATA": "554 5.7.1 looks like spam"}})", SLUICE_FAIL, "smtp-554",
     "answered the message with: 554 5.7.1 looks like spam"},
    // Problems of our account, the server or the network are retried with any code.
    {"RelayDenied", R"({"answers": {"RCPT": "554 5.7.1 <user@example.com>: Relay access denied"}})",
     SLUICE_RETRY, "smtp-554", "check user and password, or url; the job is retried"},
    {"Relaying", R"({"answers": {"RCPT": "550 relaying denied"}})", SLUICE_RETRY, "smtp-550",
     "relays no mail from here"},
    {"SendAs",
     R"({"answers": {"DATA": "554 5.2.252 SendAsDenied; shop@shop.example not allowed to send as"}})",
     SLUICE_RETRY, "smtp-554", "can't send as this sender"},
    {"NotOwned", R"({"answers": {"MAIL": "553 5.7.1 Sender address rejected: not owned by user ada"}})",
     SLUICE_RETRY, "smtp-553", "can't send as this sender"},
    {"SenderUnknown", R"({"answers": {"MAIL": "550 5.1.0 no"}})", SLUICE_RETRY, "smtp-550", "check from"},
    {"DailyLimit", R"({"answers": {"DATA": "550 5.4.5 Daily user sending limit exceeded."}})", SLUICE_RETRY,
     "smtp-550", "an account's limit is reached"},
    {"HourlyLimit",
     R"({"answers": {"RCPT": "550 Domain shop.example has exceeded the max emails per hour (200/200 (100%)) allowed."}})",
     SLUICE_RETRY, "smtp-550", "an account's limit is reached"},
    {"NotFromThisAddress",
     R"({"answers": {"RCPT": "550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP"}})",
     SLUICE_RETRY, "smtp-550", "refuses this machine's address"},
    {"Unregistered",
     R"({"answers": {"RCPT": "550 5.7.750 Service unavailable. Client blocked from sending from unregistered domains"}})",
     SLUICE_RETRY, "smtp-550", "check its SPF"},
    {"Paused", R"({"answers": {"DATA": "554 Message rejected: Sending paused for this account."}})",
     SLUICE_RETRY, "smtp-554", "has paused this account's sending"},
    {"MailboxFull", R"({"answers": {"RCPT": "552 5.2.2 mailbox full"}})", SLUICE_RETRY, "smtp-552",
     "limit is reached"},
    {"Blocked",
     R"({"answers": {"RCPT": "554 5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org"}})",
     SLUICE_RETRY, "smtp-554", "refuses this machine's address"},
    {"Unproven",
     R"({"answers": {"DATA": "550-5.7.26 Unauthenticated email is not accepted\r\n550 5.7.26 due to DMARC"}})",
     SLUICE_RETRY, "smtp-550", "check its SPF, DKIM and DMARC records"},
    {"NameInEhlo",
     R"({"answers": {"RCPT": "504 5.5.2 <host>: Helo command rejected: need fully-qualified hostname"}})",
     SLUICE_RETRY, "smtp-504", "check ehlo_name"},
    {"BadSequence", R"({"answers": {"RCPT": "503 5.5.1 bad sequence"}})", SLUICE_RETRY, "smtp-503",
     "did not understand"},
    // Replies that look similar, but are about the recipient or the mail.
    {"UnknownByDirectory", R"({"answers": {"RCPT": "550 5.4.1 Recipient address rejected: Access denied"}})",
     SLUICE_FAIL, "smtp-550", "5.4.1"},
    {"UnknownInARelayTable",
     R"({"answers": {"RCPT": "550 5.1.1 <user@relay.example>: Recipient address rejected: User unknown in relay recipient table"}})",
     SLUICE_FAIL, "smtp-550", "User unknown"},
    {"RelayInTheAddress", R"({"answers": {"RCPT": "550 <user@relay.example>: rejected"}})", SLUICE_FAIL,
     "smtp-550", "rejected"},
    {"ContentFilter",
     R"({"answers": {"DATA": "550 5.7.1 Blocked by content filter; your IP 192.0.2.1 logged"}})", SLUICE_FAIL,
     "smtp-550", "content filter"},
    {"RecipientSyntax", R"({"answers": {"RCPT": "501 5.1.3 Bad recipient address syntax"}})", SLUICE_FAIL,
     "smtp-501", "5.1.3"},
    {"ContentBlocked",
     R"({"answers": {"DATA": "552 5.7.0 This message was blocked because of its content"}})", SLUICE_FAIL,
     "smtp-552", "its content"},
    // Refusals of any sending are not about this mail.
    {"Greeting421", R"({"answers": {"greeting": "421 too many connections"}})", SLUICE_RETRY, "smtp-421",
     "answered the connection with: 421 too many connections"},
    {"Greeting554", R"({"answers": {"greeting": "554 no service for you"}})", SLUICE_RETRY, "smtp-554",
     "check url, user and password"},
    {"PasswordWanted", R"({"user": "ada", "password": "s3cret"})", SLUICE_RETRY, "smtp-530",
     "530 5.7.0 Authentication required"},
    // The connection is lost, or the server does not speak SMTP.
    {"ClosedInGreeting", R"({"answers": {"greeting": "close"}})", SLUICE_RETRY, "connection-lost", "failed"},
    {"ClosedInMail", R"({"answers": {"MAIL": "close"}})", SLUICE_RETRY, "connection-lost", "failed"},
    {"ClosedAfterTheMail", R"({"answers": {"DATA": "close"}})", SLUICE_RETRY, "connection-lost",
     "may have accepted it"},
    {"OddGreeting", R"({"answers": {"greeting": "300 hello"}})", SLUICE_RETRY, "smtp-protocol", "failed"},
};
INSTANTIATE_TEST_SUITE_P(, EmailFailure, ::testing::ValuesIn(failures),
                         [](const auto& failure) { return failure.param.name; });

struct WayIn {
  const char* name;
  const char* scheme;
  const char* server;
  const char* starttls;
  bool trusted;
  const char* password;
  const char* code;
};

void PrintTo(const WayIn& way, std::ostream* out) {
  *out << way.name;
}

class EmailWayIn : public ::testing::TestWithParam<WayIn> {};

TEST_P(EmailWayIn, IsRetriedBecauseSomebodyCanFixIt) {
  const WayIn& way = GetParam();
  const SmtpServer server(way.server);
  Settings settings = smtp_settings(server.url(way.scheme));
  settings.erase("starttls");
  if (*way.starttls != '\0') settings["starttls"] = quoted(way.starttls);
  if (way.trusted) settings["ca_file"] = quoted(server.ca_file());
  if (*way.password != '\0') {
    settings = settings + Settings{{"user", quoted("ada")}, {"password", quoted(way.password)}};
  }
  EmailPlugin plugin(settings);
  const auto outcome = plugin.send(guide_payload);
  EXPECT_EQ(outcome.result, SLUICE_RETRY) << said(outcome);
  EXPECT_EQ(outcome.code, way.code) << outcome.error;
  EXPECT_EQ(outcome.error.find("s3cret"), std::string::npos) << outcome.error;
  EXPECT_EQ(server.mails().size(), 0U);
}

constexpr WayIn ways[] = {
    {"UnknownAuthority", "smtp", R"({"tls": "starttls"})", "required", false, "", "tls-certificate"},
    {"UnknownAuthorityOptional", "smtp", R"({"tls": "starttls"})", "optional", false, "", "tls-certificate"},
    {"UnknownAuthoritySmtps", "smtps", R"({"tls": "smtps"})", "", false, "", "tls-certificate"},
    {"OtherHost", "smtps", R"({"tls": "smtps", "name": "other.example"})", "", true, "", "tls-certificate"},
    {"NoStarttls", "smtp", "{}", "required", false, "", "tls"},
    {"NoStarttlsByDefault", "smtp", "{}", "", false, "", "tls"},
    {"NoTlsAtAll", "smtps", "{}", "", false, "", "tls"},
    {"WrongPassword", "smtp", R"({"tls": "starttls", "user": "ada", "password": "other"})", "required", true,
     "s3cret", "smtp-535"},
    {"NoLoginInCommon", "smtp", R"({"mechanism": "XODD"})", "never", false, "s3cret", "auth"},
};
INSTANTIATE_TEST_SUITE_P(, EmailWayIn, ::testing::ValuesIn(ways),
                         [](const auto& way) { return way.param.name; });

/// A port of the loopback that no other process can get. It refuses connections, or accepts them without an
/// answer.
class SilentPort {
 public:
  explicit SilentPort(bool listens) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    if (bind(fd_, raw, size) != 0 || getsockname(fd_, raw, &size) != 0 || (listens && listen(fd_, 1) != 0)) {
      throw std::runtime_error("no free port");
    }
    port_ = ntohs(address.sin_port);
  }
  ~SilentPort() { close(fd_); }
  SilentPort(const SilentPort&) = delete;
  SilentPort& operator=(const SilentPort&) = delete;

  std::string url() const { return "smtp://127.0.0.1:" + std::to_string(port_); }

 private:
  int fd_;
  int port_ = 0;
};

TEST(EmailPassword, WhoseFileIsEmptyIsRetried) {
  const SmtpServer server(R"({"user": "ada", "password": "s3cret"})");
  const Scratch secrets;
  const Settings login{{"user", quoted("ada")},
                       {"password_file", quoted(secrets.write("password", "s3cret"))}};
  EmailPlugin plugin(server, login);
  secrets.write("password", "");
  const auto outcome = plugin.send(guide_payload);
  EXPECT_EQ(outcome.result, SLUICE_RETRY) << said(outcome);
  EXPECT_EQ(outcome.code, "password-file") << outcome.error;
  secrets.write("password", "s3cret");
  EXPECT_EQ(plugin.send(guide_payload).result, SLUICE_DONE);
}

TEST(EmailServer, ThatRefusesConnectionsIsRetried) {
  const SilentPort port(false);
  const auto outcome = EmailPlugin(smtp_settings(port.url())).send(guide_payload);
  EXPECT_THAT(outcome, testing::Retries("connect"));
}

TEST(EmailServer, ThatDoesNotAnswerIsRetried) {
  const SilentPort port(true);
  const auto outcome =
      EmailPlugin(smtp_settings(port.url()) + Settings{{"timeout", "0.3"}}).send(guide_payload);
  EXPECT_THAT(outcome, testing::Retries("timeout"));
  EXPECT_EQ(outcome.error.find("may have accepted"), std::string::npos) << outcome.error;
}

TEST(EmailServer, ThatHasNoAddressIsRetried) {
  const std::string impossible(70, 'x');  // longer than a label can be, so no DNS server is asked
  const auto outcome = EmailPlugin(smtp_settings("smtp://" + impossible + ".example")).send(guide_payload);
  EXPECT_THAT(outcome, testing::Retries("dns"));
}

}  // namespace
}  // namespace sluice::test
