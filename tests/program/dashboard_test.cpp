// sluice dashboard and sluice run --listen over HTTP: who gets in, what is served where, TLS, and the audit.
// tests/dashboard drives the pages in a browser.
#include <gmock/gmock.h>
#include <signal.h>

#include <cstdlib>
#include <regex>

#include "base/address.hpp"
#include "dashboard/access.hpp"
#include "http/inquiry.hpp"
#include "program/outbox.hpp"

namespace sluice::test {
namespace {

using testing::HasSubstr;

constexpr std::chrono::minutes long_enough{1};

class Dashboard : public Outbox {
 protected:
  /// Configures it with tokens for "admin" and "viewer".
  void configure(const std::string& more = "") {
    const std::string tokens =
        scratch.write("tokens", "admin admin " + dashboard::digest_of("admin's") + "\nviewer view " +
                                    dashboard::digest_of("viewer's") + "\n");
    config = scratch.write("dashboard.toml", scratch.read("sluice.toml") +
                                                 "[http]\nlisten = \"127.0.0.1:0\"\ntokens = \"" + tokens +
                                                 "\"\n" + more);
  }

  Program& start_dashboard(const std::vector<std::string>& words = {"dashboard"},
                           const std::string& ready = "serving the dashboard") {
    program = std::make_unique<Program>(words, environment());
    EXPECT_TRUE(program->says(ready)) << program->err();
    std::smatch url;
    const std::string log = program->err();
    EXPECT_TRUE(std::regex_search(log, url, std::regex("https?://(127\\.0\\.0\\.1:[0-9]+)"))) << log;
    if (!url.empty()) address = *base::parse_address(url[1].str());
    return *program;
  }

  http::Answer ask(http::Question question, const std::string& token = "") const {
    if (!token.empty()) question.headers["Authorization"] = "Bearer " + token;
    return http::ask(address, question, long_enough);
  }

  std::unique_ptr<Program> program;
  base::Address address;
};

TEST_F(Dashboard, IsForOwnersOfTokensOnly) {
  configure();
  start_dashboard();
  EXPECT_EQ(ask({"/api/v1/now"}).status, 401);
  EXPECT_EQ(ask({"/api/v1/now"}, "guessed").status, 401);
  EXPECT_EQ(ask({"/"}).status, 303) << "to page Log in";
  EXPECT_EQ(ask({"/login"}).status, 200);
  EXPECT_EQ(ask({"/api/v1/now"}, "viewer's").status, 200);
  EXPECT_EQ(ask({"/api/v1/audit"}, "viewer's").status, 403);
  EXPECT_EQ(ask({"/api/v1/audit"}, "admin's").status, 200);
  program->signal(SIGTERM);
  EXPECT_EQ(program->wait(), 0) << program->err();
}

TEST_F(Dashboard, RecordsWhoChangedWhat) {
  configure();
  insert("a", "test.probe");
  start_dashboard();
  EXPECT_EQ(ask({"/api/v1/jobs/a/cancel", "POST"}, "viewer's").status, 403);
  EXPECT_EQ(ask({"/api/v1/jobs/a/cancel", "POST"}, "admin's").status, 200);
  EXPECT_EQ(status("a"), "error");
  EXPECT_EQ(ask({"/api/v1/types/test.probe/pause", "POST", {}, "reason=bank+holiday"}, "admin's").status,
            200);
  EXPECT_EQ(ask({"/api/v1/jobs/a", "DELETE"}, "admin's").status, 200);
  EXPECT_EQ(
      database.value(
          "SELECT string_agg(actor || ' ' || role || ' ' || source || ' ' || action, ', ' ORDER BY id) FROM "
          "sluice.audit"),
      "admin admin dashboard cancel, admin admin dashboard pause, admin admin dashboard delete");
  EXPECT_THAT(ask({"/api/v1/types/test.probe"}, "viewer's").body, HasSubstr("bank holiday"));
}

TEST_F(Dashboard, EnqueuesAJobInTheNameOfAFailedOne) {
  configure();
  start_dashboard();
  const http::Answer refused = ask({"/api/v1/jobs/new",
                                    "POST",
                                    {{"Content-Type", "application/json"}},
                                    R"({"type":"test.probe","payload":"{"})"},
                                   "admin's");
  EXPECT_EQ(refused.status, 400) << refused.body;
  const http::Answer answer = ask({"/api/v1/jobs/new",
                                   "POST",
                                   {{"Content-Type", "application/json"}},
                                   R"({"type":"test.probe","payload":"{\"do\":\"ok\"}","instead_of":"old"})"},
                                  "admin's");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(count("type = 'test.probe' AND payload->>'do' = 'ok'"), "1");
  EXPECT_EQ(database.value("SELECT filter->>'instead_of' FROM sluice.audit WHERE action = 'enqueue'"), "old");
}

TEST_F(Dashboard, PrintsAnAddressForItsUserOnTheLoopback) {
  config = scratch.write("open.toml", scratch.read("sluice.toml") + "[http]\nlisten = \"127.0.0.1:0\"\n");
  start_dashboard({"dashboard"}, "Open this address");
  std::smatch token;
  const std::string said = program->err();
  ASSERT_TRUE(std::regex_search(said, token, std::regex("/login\\?token=([0-9a-f]{64})"))) << said;
  EXPECT_EQ(ask({"/api/v1/now"}).status, 401) << "nobody else gets in";
  const http::Answer in = ask({"/login?token=" + token[1].str()});
  EXPECT_EQ(in.status, 303);
  const std::string cookie = in.headers.at("set-cookie");
  EXPECT_EQ(ask({"/", "GET", {{"Cookie", cookie.substr(0, cookie.find(';'))}}}).status, 200);
}

TEST_F(Dashboard, IsNotServedToEverybody) {
  config = scratch.write("open.toml", scratch.read("sluice.toml") + "[http]\nlisten = \"0.0.0.0:0\"\n");
  Program refused({"dashboard"}, environment());
  EXPECT_EQ(refused.wait(), 2) << refused.err();
  EXPECT_THAT(refused.err(), HasSubstr("name a file of tokens with http.tokens"));
  program = std::make_unique<Program>(std::vector<std::string>{"run"}, environment());
  ASSERT_TRUE(program->says("serving HTTP")) << program->err();
  EXPECT_THAT(program->err(), HasSubstr("the dashboard is not served on 0.0.0.0"));
  std::smatch port;
  const std::string log = program->err();
  ASSERT_TRUE(std::regex_search(log, port, std::regex("http://0\\.0\\.0\\.0:([0-9]+)"))) << log;
  address = *base::parse_address("127.0.0.1:" + port[1].str());
  EXPECT_EQ(ask({"/livez"}).status, 200);
  EXPECT_EQ(ask({"/"}).status, 404);
}

TEST_F(Dashboard, OfARuntimeShowsALoopbackVisitorNoPayload) {
  config = scratch.write("open.toml", scratch.read("sluice.toml") + "[http]\nlisten = \"127.0.0.1:0\"\n");
  insert("a", "test.probe", R"({"do":"ok","secret":"rose"})");
  start_dashboard({"run"}, "plugins loaded");
  ASSERT_TRUE(becomes("a", "done"));
  const http::Answer job = ask({"/jobs/a"});
  EXPECT_EQ(job.status, 200);
  EXPECT_THAT(job.body, testing::Not(HasSubstr("rose")));
  EXPECT_THAT(job.body, HasSubstr("does not have the right to see payloads"));
  EXPECT_EQ(ask({"/api/v1/jobs/a/retry", "POST", {{"Sec-Fetch-Site", "same-origin"}}}).status, 403);
  EXPECT_EQ(ask({"/", "GET", {{"Host", "evil.example"}}}).status, 303)
      << "another site's name for this machine";
}

TEST_F(Dashboard, ServesOverTls) {
  const std::string certificate = scratch.path("tls.crt");
  const std::string key = scratch.path("tls.key");
  const std::string make =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost "
      "-keyout " +
      key + " -out " + certificate + " 2>/dev/null";
  ASSERT_EQ(std::system(make.c_str()), 0);
  configure("certificate = \"" + certificate + "\"\nkey = \"" + key + "\"\n");
  start_dashboard();
  http::Question question{"/api/v1/now"};
  question.tls = true;
  EXPECT_EQ(ask(question, "viewer's").status, 200);
  EXPECT_EQ(ask({"/api/v1/now"}, "viewer's").status, 0) << "not without TLS";
  question.path = "/login";
  question.method = "POST";
  question.body = "token=viewer%27s";
  EXPECT_THAT(ask(question).headers.at("set-cookie"), HasSubstr("; Secure"));
}

TEST_F(Dashboard, NamesAnInvalidCertificate) {
  configure("certificate = \"/absent.crt\"\nkey = \"/absent.key\"\n");
  Program refused({"dashboard"}, environment());
  EXPECT_EQ(refused.wait(), 2);
  EXPECT_THAT(refused.err(), HasSubstr("reading the TLS file '/absent.crt' failed"));
}

TEST_F(Dashboard, MakesTokensThatItsFileTakes) {
  Program maker({"dashboard", "--new-token", "bob", "--role", "operate+payloads"}, environment());
  ASSERT_EQ(maker.wait(), 0) << maker.err();
  const auto entries = dashboard::read_tokens(scratch.write("made", maker.out()));
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].owner.name, "bob");
  std::smatch token;
  const std::string said = maker.err();
  ASSERT_TRUE(std::regex_search(said, token, std::regex("\n([0-9a-f]{64})\n")));
  EXPECT_EQ(entries[0].digest, dashboard::digest_of(token[1].str()));
  Program wrong({"dashboard", "--new-token", "bob", "--role", "root"}, environment());
  EXPECT_EQ(wrong.wait(), 2);
}

}  // namespace
}  // namespace sluice::test
