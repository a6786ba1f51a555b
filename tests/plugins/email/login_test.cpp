// Login methods, and what happens if one fails.
#include <gtest/gtest.h>

#include "email_plugin.hpp"

namespace sluice::test {
namespace {

Settings ada(const std::string& password = "s3cret") {
  return {{"user", quoted("ada")}, {"password", quoted(password)}};
}

std::string options(const std::string& logins) {
  return R"({"user": "ada", "password": "s3cret", "logins": )" + logins + "}";
}

struct Login {
  const char* name;
  const char* logins;
  const char* auth;  // empty: automatic
  const char* used;
};

void PrintTo(const Login& login, std::ostream* out) {
  *out << login.name;
}

class EmailLogin : public ::testing::TestWithParam<Login> {};

TEST_P(EmailLogin, Works) {
  const SmtpServer server(options(GetParam().logins));
  Settings settings = ada();
  if (*GetParam().auth != '\0') settings["auth"] = quoted(GetParam().auth);
  EmailPlugin plugin(server, settings);
  for (const char* id : {"1", "2"}) {
    const auto outcome = plugin.send(guide_payload, id);
    ASSERT_THAT(outcome, testing::IsDone());
  }
  EXPECT_EQ(server.count(std::string("AUTH ") + GetParam().used), 1) << "the connection is kept";
  EXPECT_TRUE(server.mails().at(0).json().boolean("authenticated"));
}

constexpr Login logins[] = {
    {"Plain", R"({"PLAIN": "ok"})", "", "PLAIN"},
    {"Login", R"({"LOGIN": "ok"})", "", "LOGIN"},
    {"CramMd5", R"({"CRAM-MD5": "ok"})", "", "CRAM-MD5"},
    {"PlainByName", R"({"PLAIN": "ok", "LOGIN": "535 no", "CRAM-MD5": "535 no"})", "plain", "PLAIN"},
    {"LoginByName", R"({"PLAIN": "535 no", "LOGIN": "ok", "CRAM-MD5": "535 no"})", "login", "LOGIN"},
    {"CramMd5ByName", R"({"PLAIN": "535 no", "CRAM-MD5": "ok"})", "cram-md5", "CRAM-MD5"},
    {"AfterCramMd5", R"({"CRAM-MD5": "535 5.7.8 no", "PLAIN": "ok"})", "", "PLAIN"},
    {"AfterCramMd5AndPlain",
     R"({"CRAM-MD5": "535 5.7.8 no", "PLAIN": "504 5.5.4 not really", "LOGIN": "ok"})", "", "LOGIN"},
};
INSTANTIATE_TEST_SUITE_P(, EmailLogin, ::testing::ValuesIn(logins),
                         [](const auto& login) { return login.param.name; });

TEST(EmailLoginGranted, ComesBeforeTheConfiguration) {
  const SmtpServer server(options(R"({"PLAIN": "ok"})"));
  EmailPlugin old(smtp_settings(server.url()) + ada("wrong"), {{"password", "s3cret"}});
  EXPECT_THAT(old.send(guide_payload), testing::IsDone());
  EmailPlugin granted(smtp_settings(server.url()) + Settings{{"user", quoted("ada")}},
                      {{"password", "s3cret"}});
  EXPECT_THAT(granted.send(guide_payload), testing::IsDone());
}

TEST(EmailLoginRefused, ForAWrongPasswordTriesEachMethodOnce) {
  const SmtpServer server(options(R"({"CRAM-MD5": "ok", "PLAIN": "ok", "LOGIN": "ok"})"));
  EXPECT_THAT(EmailPlugin(server, ada("wrong")).send(guide_payload),
              testing::Retries("smtp-535", ::testing::HasSubstr("check url, user and password")));
  for (const char* way : {"CRAM-MD5", "PLAIN", "LOGIN"}) {
    EXPECT_EQ(server.count(std::string("AUTH ") + way), 1) << way;
  }
}

TEST(EmailLoginRefused, TemporarilyIsNotTriedWithAnotherMethod) {
  const SmtpServer server(options(R"({"CRAM-MD5": "454 4.7.0 try later", "PLAIN": "ok"})"));
  EXPECT_THAT(EmailPlugin(server, ada()).send(guide_payload), testing::Retries("smtp-454"));
  EXPECT_EQ(server.count("AUTH PLAIN"), 0);
}

TEST(EmailToken, FromAFileLogsIn) {
  const SmtpServer server(options(R"({"XOAUTH2": "ok", "PLAIN": "ok"})"));
  const Scratch secrets;
  const std::string file = secrets.write("token", "old\n");
  EmailPlugin plugin(server, {{"user", quoted("ada")},
                              {"auth", quoted("xoauth2")},
                              {"oauth", R"({"token_file": )" + quoted(file) + "}"}});
  const auto outcome = plugin.send(guide_payload);
  EXPECT_EQ(outcome.result, SLUICE_RETRY) << said(outcome);
  EXPECT_NE(outcome.error.find(R"("status":"401")"), std::string::npos)
      << "the server's reply: " << outcome.error;
  secrets.write("token", "s3cret\n");
  EXPECT_THAT(plugin.send(guide_payload), testing::IsDone());
  EXPECT_EQ(server.count("AUTH PLAIN"), 0);
}

class TokenEndpoint {
 public:
  explicit TokenEndpoint(const std::string& answers) : server_(TOKEN_SERVER, answers) {}
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_.port()) + "/token"; }
  /// The posted forms, one per line.
  std::string requests() const { return server_.records().read("requests"); }

 private:
  PythonServer server_;
};

Settings by_endpoint(const TokenEndpoint& endpoint, const std::string& more) {
  return {
      {"user", quoted("ada")},
      {"oauth", R"({"endpoint": )" + quoted(endpoint.url()) + R"(, "client_id": "shop&co", )" + more + "}"}};
}

TEST(EmailToken, FromAnEndpointIsRequestedOnceAndRenewedIfItIsRefused) {
  const SmtpServer server(options(R"({"XOAUTH2": "ok"})"));
  const TokenEndpoint endpoint(R"([{"access_token": "stale", "expires_in": 3600, "refresh_token": "next"},
                                   {"access_token": "s3cret", "expires_in": 3600}])");
  EmailPlugin plugin(server, by_endpoint(endpoint, R"("refresh_token": "first", "scope": "mail send")"));
  EXPECT_THAT(plugin.send(guide_payload), testing::IsDone());
  EXPECT_THAT(plugin.send(guide_payload, "job-2"), testing::IsDone());
  EXPECT_EQ(endpoint.requests(),
            "client_id=shop%26co&grant_type=refresh_token&refresh_token=first&scope=mail%20send\n"
            "client_id=shop%26co&grant_type=refresh_token&refresh_token=next&scope=mail%20send\n");
}

TEST(EmailToken, FromAnEndpointWithClientCredentialsLogsIn) {
  const SmtpServer server(options(R"({"XOAUTH2": "ok"})"));
  const TokenEndpoint endpoint(R"([{"access_token": "s3cret", "expires_in": "3600"}])");
  EmailPlugin plugin(server, by_endpoint(endpoint, R"("client_secret": "c")"));
  EXPECT_THAT(plugin.send(guide_payload), testing::IsDone());
  EXPECT_EQ(endpoint.requests(), "client_id=shop%26co&grant_type=client_credentials&client_secret=c\n");
}

TEST(EmailToken, ThatTheEndpointDeniesIsRetried) {
  const SmtpServer server(options(R"({"XOAUTH2": "ok"})"));
  const TokenEndpoint endpoint(
      R"([{"error": "invalid_grant", "error_description": "the consent was withdrawn"}])");
  EmailPlugin plugin(server, by_endpoint(endpoint, R"("refresh_token": "r")"));
  EXPECT_THAT(
      plugin.send(guide_payload),
      testing::Retries("oauth-token",
                       ::testing::HasSubstr("it answered 400, invalid_grant: the consent was withdrawn")));
}

}  // namespace
}  // namespace sluice::test
