// sluice dashboard and sluice run --listen over HTTP: who gets in, what is served where, TLS, and the audit.
// tests/dashboard drives the pages in a browser.
#include <gmock/gmock.h>
#include <signal.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <regex>

#include "base/address.hpp"
#include "dashboard/access.hpp"
#include "http/inquiry.hpp"
#include "program/outbox.hpp"

namespace sluice::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

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

  http::Answer post(const std::string& path, const std::string& form,
                    const std::string& token = "admin's") const {
    return ask({"/api/v1" + path, "POST", {}, form}, token);
  }
  std::string page(const std::string& path) const { return ask({"/api/v1" + path}, "admin's").body; }
  /// What the last reload did, as soon as it is over.
  std::string last_reload() {
    std::string answer;
    EXPECT_TRUE(eventually([&] {
      answer = page("/plugins");
      return answer.find("\"over\": true") != std::string::npos;
    })) << answer;
    return answer.substr(std::min(answer.find("\"last_reload\""), answer.size()));
  }
  /// Puts a built edition into the plugin directory by renaming, as a deployment does.
  void put_edition(const std::string& number) {
    const auto at = [&](const char* file) { return plugins.scratch().path(file); };
    std::filesystem::copy_file(SLUICE_TEST_PLUGINS "/editions/edition_" + number + ".so", at("new"));
    std::filesystem::rename(at("new"), at("edition.so"));
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

TEST_F(Dashboard, AnswersWhileTheTableIsLockedAndNamesWhoHoldsTheLock) {
  configure();
  insert("a", "test.probe");
  start_dashboard();
  Session application(database.url());
  application.exec(R"(SET application_name = 'backup'; BEGIN; LOCK TABLE "Outbox" IN ACCESS EXCLUSIVE MODE)");
  for (const char* const path : {"/jobs/a", "/jobs", "/types"}) {
    const auto asked = std::chrono::steady_clock::now();
    const http::Answer answer = ask({std::string("/api/v1") + path}, "viewer's");
    EXPECT_EQ(answer.status, 503) << path;
    EXPECT_THAT(answer.body,
                AllOf(HasSubstr("backup"), HasSubstr("holds a lock"), Not(HasSubstr("EXCLUSIVE"))))
        << "the statement of another session may contain what a viewer may not see";
    EXPECT_LT(std::chrono::steady_clock::now() - asked, std::chrono::seconds(10)) << path;
  }
  EXPECT_EQ(post("/jobs/a/retry", "").status, 503);
  const http::Answer now = ask({"/api/v1/now"}, "viewer's");
  EXPECT_EQ(now.status, 200);
  EXPECT_THAT(now.body,
              AllOf(HasSubstr("types_problem"), HasSubstr("\"runtimes\": 0"), HasSubstr("\"well\": false")));
  EXPECT_THAT(ask({"/api/v1/why?q=a"}, "viewer's").body, HasSubstr("backup"));
  EXPECT_EQ(ask({"/api/v1/runtimes"}, "viewer's").status, 200);
  application.exec("ROLLBACK");
  EXPECT_EQ(ask({"/api/v1/jobs/a"}, "viewer's").status, 200);
}

TEST_F(Dashboard, SaysThatJobsFailForGood) {
  scratch.write("sluice.toml", "[retry]\nmax_attempts = 1\n[runtime]\npoll_interval = \"20ms\"\n");
  configure();
  for (int i = 0; i < 5; ++i) insert("a" + std::to_string(i), "test.probe", R"({"do":"fail"})");
  start_dashboard({"run"}, "serving HTTP");
  EXPECT_TRUE(eventually([&] {
    return page("/now").find("5 of 5 jobs failed for good") != std::string::npos;
  })) << page("/now");
  EXPECT_THAT(page("/now"), AllOf(HasSubstr("most with code told-to-fail"), HasSubstr("/failures?range=1h")));
}

TEST_F(Dashboard, DeletesAndGivesUpOnlyIfThatIsMeant) {
  configure();
  for (const char* const id : {"a", "b", "c"}) insert(id, "test.probe");
  start_dashboard();
  const auto delete_on_page = [&](const std::string& form, const std::string& token) {
    return ask({"/jobs/a/delete", "POST", {{"Sec-Fetch-Site", "same-origin"}}, form}, token).status;
  };
  EXPECT_EQ(delete_on_page("", "admin's"), 400);
  EXPECT_EQ(delete_on_page("sure=yes", "viewer's"), 403);
  EXPECT_EQ(post("/jobs", "action=delete&id=a&id=b").status, 400);
  EXPECT_EQ(post("/operations", "action=delete&query=status%3Dpending").status, 400);
  EXPECT_EQ(count("true"), "3");
  EXPECT_EQ(delete_on_page("sure=yes", "admin's"), 303);
  EXPECT_EQ(post("/jobs", "action=delete&id=b&sure=yes").status, 200);
  EXPECT_EQ(ask({"/api/v1/jobs/c", "DELETE"}, "admin's").status, 200) << "the method says it";
  EXPECT_EQ(count("true"), "0");
}

TEST_F(Dashboard, HasASessionOfItsOwnThatEndsWithItsStreams) {
  configure();
  start_dashboard();
  const http::Answer in = ask({"/login", "POST", {{"Sec-Fetch-Site", "same-origin"}}, "token=viewer's"});
  ASSERT_EQ(in.status, 303);
  const auto set = in.headers.find("set-cookie");
  ASSERT_NE(set, in.headers.end());
  const std::string session = set->second.substr(0, set->second.find(';'));
  EXPECT_EQ(session.rfind("sluice_session_" + std::to_string(address.port) + "=", 0), 0U) << session;
  const std::map<std::string, std::string> headers{{"Cookie", session}, {"Sec-Fetch-Site", "same-origin"}};
  EXPECT_THAT(ask({"/types", "GET", headers}).body, HasSubstr("Log out"));
  EXPECT_EQ(ask({"/login", "POST", headers, ""}).status, 303);
  EXPECT_EQ(ask({"/types", "GET", headers}).status, 303) << "to page Log in";
}

TEST_F(Dashboard, SendsAtMostSomeTypesAndFindsTheOthersByName) {
  configure();
  database.exec(
      "INSERT INTO sluice.job_type (type, plugin, plugin_version, max_attempts, at_most_once) SELECT 't' || "
      "to_char(i, 'FM00000'), 'p', '1', 3, false FROM generate_series(1, 10000) i");
  insert("a", "t07777");
  start_dashboard();
  const std::string first = page("/types");
  EXPECT_THAT(first,
              AllOf(HasSubstr("\"all\": 10000"), HasSubstr("\"more_types\": 9800"), HasSubstr("t07777")))
      << "what waits for nothing comes first";
  EXPECT_LT(first.size(), 1'000'000U);
  EXPECT_LT(page("/now").size(), 100'000U);
  EXPECT_THAT(page("/types?order=name&after=t00200"),
              AllOf(HasSubstr("t00201"), HasSubstr("\"next\": \"t00400\"")));
  EXPECT_THAT(page("/types?name=T0777"), AllOf(HasSubstr("\"found\": 10,"), HasSubstr("t07770")));
  EXPECT_EQ(ask({"/api/v1/types?order=best"}, "admin's").status, 400);
}

TEST_F(Dashboard, CountsExactlyIfThatIsAsked) {
  configure();
  database.exec(
      R"(INSERT INTO "Outbox" (id, type, payload, "updatedAt") SELECT 'j' || i, 'test.other', '{}', now() FROM generate_series(1, 10100) i)");
  start_dashboard();
  EXPECT_THAT(page("/jobs?status=pending&limit=1"),
              AllOf(HasSubstr("\"count\": 10000"), HasSubstr("\"more\": true")));
  for (const char* const filter :
       {"", "status=pending&", "type=test.other&", "status=pending&status=done&type=test.other&"}) {
    const std::string exact = page(std::string("/jobs?limit=1&exact=1&") + filter);
    EXPECT_THAT(exact, AllOf(HasSubstr("\"count\": 10100"), HasSubstr("\"more\": false"))) << filter;
  }
  EXPECT_THAT(page("/jobs?limit=1&exact=1&status=processing"), HasSubstr("\"count\": 0"));
  EXPECT_THAT(page("/plan?action=delete&status=pending&exact=1"), HasSubstr("\"count\": 10100"));
}

TEST_F(Dashboard, ShowsLimitsHostsAndDigests) {
  scratch.write("sluice.toml",
                scratch.read("sluice.toml") +
                    "[type.\"test.probe\"]\nmax_attempts = 7\ntimeout = \"90s\"\nconcurrency = 2\n");
  configure();
  start_dashboard({"run"}, "serving HTTP");
  EXPECT_TRUE(
      eventually([&] { return page("/types/test.probe").find("\"max_attempts\": 7") != std::string::npos; }));
  EXPECT_THAT(page("/types/test.probe"),
              AllOf(HasSubstr("\"timeout_seconds\": 90"), HasSubstr("\"concurrency\": 2")));
  EXPECT_TRUE(eventually([&] { return page("/plugins").find("\"resident_bytes\"") != std::string::npos; }));
  const std::string plugins_page = page("/plugins");
  std::ifstream file(plugins.path() + "/probe.so", std::ios::binary);
  const std::string digest = dashboard::digest_of(std::string{std::istreambuf_iterator<char>(file), {}});
  EXPECT_THAT(plugins_page, AllOf(HasSubstr("\"digest\": \"" + digest), HasSubstr("\"abi\": \"1."),
                                  HasSubstr("\"cpu_seconds\"")));
  EXPECT_THAT(page("/runtimes"), AllOf(HasSubstr("\"live\": true"), HasSubstr("\"fenced\": false")));
}

TEST_F(Dashboard, LinksFollowUpJobsBothWays) {
  configure();
  insert("parent", "test.probe", probe("enqueue", R"(,"type":"test.other")"));
  start_dashboard({"run"}, "serving HTTP");
  EXPECT_TRUE(eventually([&] { return status("parent") == "done"; }));
  const std::string child = database.value("SELECT id FROM \"Outbox\" WHERE type = 'test.other'");
  EXPECT_THAT(page("/jobs/parent"),
              AllOf(HasSubstr("\"follow_ups\": [\n        {\n            \"id\": \"" + child),
                    HasSubstr("\"parents\": []")));
  EXPECT_THAT(page("/jobs/" + child), HasSubstr("\"parents\": [\n        {\n            \"id\": \"parent\""));
  EXPECT_EQ(ask({"/api/v1/jobs/" + child, "DELETE"}, "admin's").status, 200);
  EXPECT_THAT(page("/jobs/parent"), HasSubstr("\"follow_ups\": []"));
}

TEST_F(Dashboard, RecordsWhatCommandsAndOperationsDo) {
  configure();
  EXPECT_EQ(sluice({"enqueue", "test.probe"}).code, 0);
  const std::string id = database.value("SELECT id FROM \"Outbox\"");
  EXPECT_EQ(sluice({"jobs", "repro", id}).code, 0);
  start_dashboard();
  EXPECT_EQ(post("/jobs/new", "type=test.probe&payload=%7B%7D").status, 200);
  EXPECT_EQ(
      database.value(
          "SELECT string_agg(source || ' ' || action || ' ' || cardinality(ids) || ' ' || affected, ', ' "
          "ORDER BY id) FROM sluice.audit"),
      "cli enqueue 1 1, cli repro 1 1, dashboard enqueue 1 1");
  EXPECT_EQ(database.value("SELECT ids[1] FROM sluice.audit WHERE action = 'repro'"), id);
  Session application(database.url());
  application.exec(R"(BEGIN; LOCK TABLE "Outbox" IN EXCLUSIVE MODE)");  // the operation waits for it
  EXPECT_EQ(post("/operations", "action=delete&sure=yes&query=status%3Dpending").status, 200);
  EXPECT_EQ(post("/operations/1/stop", "").status, 200);
  EXPECT_EQ(
      database.value("SELECT actor || ' ' || (filter->>'operation') FROM sluice.audit WHERE action = 'stop'"),
      "admin 1");
  application.exec("ROLLBACK");
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

TEST_F(Dashboard, ShowsNoValueOfAPayloadInARefusal) {
  configure("redact = [\"/to\"]\n");
  insert("a", "test.strict", R"({"to": "SEKRET-no-mail", "count": 3})");
  insert("b", "test.strict", R"({"to": "ada@example.com", "count": 4711})");
  ASSERT_TRUE(drains());
  EXPECT_EQ(status("a"), "error");
  EXPECT_THAT(error("a"), AllOf(HasSubstr("found a string of 14 characters"), Not(HasSubstr("SEKRET"))));
  EXPECT_THAT(error("b"), AllOf(HasSubstr("found a number"), Not(HasSubstr("4711"))));
  start_dashboard();
  for (const char* const path : {"/jobs/a", "/jobs", "/failures", "/now"})
    EXPECT_THAT(ask({std::string("/api/v1") + path}, "viewer's").body, Not(HasSubstr("SEKRET"))) << path;
}

TEST_F(Dashboard, ShowsADeeplyNestedPayloadUpToABound) {
  configure();
  const std::string deep = std::string(5000, '[') + std::string(5000, ']');
  insert("deep", "test.strict", deep);
  start_dashboard();
  const http::Answer page = ask({"/jobs/deep"}, "admin's");
  EXPECT_EQ(page.status, 200);
  EXPECT_LT(page.body.size(), 1'000'000U);
  EXPECT_EQ(ask({"/api/v1/jobs/deep"}, "admin's").status, 200);
  EXPECT_EQ(sluice({"jobs", "show", "deep"}).code, 0);
}

TEST_F(Dashboard, RefusesParametersThatNobodyReads) {
  configure();
  insert("a", "test.probe", probe("fail"));
  ASSERT_TRUE(drains());
  start_dashboard();
  const auto refused = [&](const http::Answer& answer, const std::string& named) {
    EXPECT_EQ(answer.status, 400) << answer.body;
    EXPECT_THAT(answer.body, HasSubstr("'" + named + "'"));
    EXPECT_THAT(answer.body, HasSubstr("known here"));
  };
  refused(post("/operations", "action=delete&query=%3Fstatus%3Derror%26typ%3Dnone.such"), "typ");
  refused(ask({"/api/v1/jobs?stauts=error"}, "admin's"), "stauts");
  refused(post("/jobs/new", "type=test.probe&payload=%7B%7D&delay=10m&id=mine"), "delay");
  refused(post("/types/test.probe/pause", "raeson=x"), "raeson");
  EXPECT_THAT(post("/jobs/new?type=test.probe", "").body, HasSubstr("'type' stands in the address"));
  EXPECT_EQ(ask({"/api/v1/jobs?after_at=2026-01-01%2000:00:00"}, "admin's").status, 400)
      << "after_id is missing";
  EXPECT_EQ(ask({"/api/v1/jobs?after_at=x&after_id=a"}, "admin's").status, 400);
  EXPECT_EQ(ask({"/api/v1/jobs?after_at=2026-02-30%2000:00:00&after_id=a"}, "admin's").status, 400)
      << "the database knows no such time";
  EXPECT_EQ(count("true"), "1") << "nothing was deleted and nothing was added";
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.paused"), "0");
  const http::Answer page = ask({"/jobs?from=2026-13-01&status=error"}, "admin's");
  EXPECT_EQ(page.status, 400);
  EXPECT_THAT(page.body, AllOf(HasSubstr("from can&apos;t be"), HasSubstr("value=\"2026-13-01\""),
                               HasSubstr("value=\"error\" checked")))
      << "the form keeps what was written";
}

TEST_F(Dashboard, ShowsAFormAgainWithWhatIsWrong) {
  configure();
  insert("a", "test.strict", R"({"to": "ada@example.com", "count": 3})");
  ASSERT_TRUE(drains());
  start_dashboard();
  Program runtime({"run"}, environment());
  ASSERT_TRUE(runtime.says("plugins loaded")) << runtime.err();
  const auto shown = [&](const std::string& path, const std::string& fields) {
    return ask({path, "POST", {}, fields}, "admin's");
  };
  const http::Answer job =
      shown("/jobs/new", "type=test.strict&payload=%7B%22mine%22&instead_of=old&back=%2F");
  EXPECT_EQ(job.status, 422);
  EXPECT_THAT(job.body, AllOf(HasSubstr("the payload is no JSON."), HasSubstr("{&quot;mine&quot;</textarea>"),
                              HasSubstr("name=\"instead_of\" value=\"old\"")));
  const http::Answer reload = shown("/plugins/reload", "what=canary&share=much&for=7m&sure=yes&back=%2F");
  EXPECT_EQ(reload.status, 422) << reload.body;
  EXPECT_THAT(reload.body,
              AllOf(HasSubstr("value=\"much\""), HasSubstr("value=\"7m\""), HasSubstr("role=\"alert\"")));
  EXPECT_EQ(post("/plugins/reload", "what=canary&share=much&for=7m&sure=yes").status, 400);
}

TEST_F(Dashboard, RefusesWhatTheDatabaseCannotTake) {
  configure();
  insert("a", "test.probe");
  start_dashboard();
  const auto with_payload = [&](const std::string& payload) {
    return post("/jobs/new", "type=test.probe&payload=" + payload).status;
  };
  EXPECT_EQ(with_payload("%22%5Cu0000%22"), 400);
  EXPECT_EQ(with_payload("%22%5C%5Cu0000%22"), 200) << "a backslash before u0000";
  EXPECT_EQ(with_payload(std::string(2000, '[') + std::string(2000, ']')), 400);
  EXPECT_EQ(with_payload("1e-99999"), 400) << "no number of PostgreSQL";
  for (const char* const path : {"/jobs/%ff%fe", "/types/%00"}) {
    const http::Answer answer = ask({std::string("/api/v1") + path}, "admin's");
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(database.value("SELECT $1::json ->> 'status'", {answer.body}), "400") << "valid JSON";
  }
  EXPECT_EQ(post("/types/%ff/pause", "").status, 400);
  EXPECT_EQ(post("/types//pause", "").status, 404);
  EXPECT_EQ(post("/jobs/nobody/retry", "").status, 404);
  EXPECT_EQ(ask({"/api/v1/jobs/nobody", "DELETE"}, "admin's").status, 404);
  EXPECT_EQ(post("/operations/2junk/stop", "").status, 400);
  EXPECT_EQ(post("/operations/2/stop", "").status, 404);
  EXPECT_EQ(post("/now", "").status, 405);
  EXPECT_EQ(ask({"/api/v1/jobs/a", "PUT"}, "admin's").status, 405);
  EXPECT_EQ(ask({"/login", "POST", {{"Origin", "https://elsewhere.example"}}, "token=admin%27s"}).status,
            403);
}

TEST_F(Dashboard, HidesAnElementByAnyNameThatPostgreSqlHasForIt) {
  configure("redact = [\"/cards/0/number\"]\n");
  insert("a", "test.probe", R"({"cards": [{"number": "4111-SEKRET"}, {"number": "shown"}]})");
  start_dashboard();
  for (const char* const path :
       {"cards.-2.number", "cards.00.number", "cards.%2B0.number", "%2Fcards%2F-2%2Fnumber"}) {
    const http::Answer column = ask({std::string("/api/v1/jobs?column=") + path}, "admin's");
    EXPECT_EQ(column.status, 400) << path;
    EXPECT_THAT(column.body, Not(HasSubstr("SEKRET")));
    EXPECT_EQ(ask({std::string("/api/v1/jobs?where=") + path + "%3D4111-SEKRET"}, "admin's").status, 400)
        << path;
  }
  EXPECT_THAT(ask({"/api/v1/jobs?column=cards.0.number"}, "admin's").body, HasSubstr("[redacted]"));
  EXPECT_THAT(ask({"/api/v1/jobs?column=cards.1.number"}, "admin's").body, HasSubstr("shown"));
}

TEST_F(Dashboard, PagesGoOnBehindAJobWithoutAnId) {
  configure();
  for (const char* const id : {"", "a", "b"}) insert(id, "test.probe");
  database.value(R"(UPDATE "Outbox" SET "createdAt" = '2026-01-01')");
  start_dashboard();
  const auto next = [&](const std::string& more) {
    return database.value(
        "SELECT concat_ws(' ', $1::json #>> '{jobs,0,id}', $1::json -> 'next' ->> 'after_id')",
        {ask({"/api/v1/jobs?limit=1" + more}, "admin's").body});
  };
  EXPECT_EQ(next(""), "b b");
  EXPECT_EQ(next("&after_at=2026-01-01%2000:00:00&after_id=a"), "") << "the job without an id, and no more";
  EXPECT_EQ(ask({"/api/v1/jobs?after_at=2026-01-01%2000:00:00&after_id="}, "admin's").body.find("\"id\""),
            std::string::npos);
}

TEST_F(Dashboard, ReloadsTheRuntimesOfItsMachine) {
  configure();
  start_dashboard();
  EXPECT_EQ(post("/plugins/reload", "sure=yes").status, 409) << "no runtime runs";
  Program runtime({"run"}, environment());
  ASSERT_TRUE(runtime.says("plugins loaded")) << runtime.err();
  EXPECT_EQ(post("/plugins/reload", "sure=yes", "viewer's").status, 403);
  EXPECT_EQ(post("/plugins/reload", "").status, 400) << "nobody has said that it is meant";
  EXPECT_EQ(post("/plugins/reload", "sure=yes&what=burn").status, 400);
  EXPECT_EQ(post("/plugins/reload", "sure=yes&what=canary&share=much").status, 400);
  EXPECT_EQ(post("/plugins/reload", "sure=yes&what=promote").status, 200);
  EXPECT_THAT(last_reload(), HasSubstr("there is no canary to promote"));
  put_edition("1");
  EXPECT_EQ(post("/plugins/reload", "sure=yes").status, 200);
  EXPECT_THAT(last_reload(), AllOf(HasSubstr("\"added\""), HasSubstr("edition.so")));
  const Ended command = sluice({"reload", "--wait"});
  EXPECT_EQ(command.code, 0) << command.out << command.err;
  EXPECT_EQ(database.value("SELECT string_agg(source || ' ' || (filter->>'what'), ', ' ORDER BY id) FROM "
                           "sluice.audit WHERE action = 'reload'"),
            "dashboard promote, dashboard reload, cli reload");
}

TEST_F(Dashboard, BeginsACanaryAndDecidesIt) {
  configure();
  put_edition("1");
  Program runtime({"run"}, environment());
  ASSERT_TRUE(runtime.says("plugins loaded")) << runtime.err();
  start_dashboard();
  put_edition("2");
  EXPECT_EQ(post("/plugins/reload", "sure=yes&what=canary&share=50%25&for=1h").status, 200);
  EXPECT_TRUE(runtime.says("canary began")) << runtime.err();
  EXPECT_TRUE(eventually([&] {
    return page("/plugins").find("\"canary_under_way\": true") != std::string::npos;
  })) << page("/plugins");
  EXPECT_THAT(page("/plugins"), HasSubstr("\"canary\": \"2.0.0\""));
  EXPECT_EQ(post("/plugins/reload", "sure=yes&what=promote").status, 200);
  EXPECT_TRUE(runtime.says("canary promoted")) << runtime.err();
  EXPECT_TRUE(
      eventually([&] { return page("/plugins").find("\"canary_under_way\": false") != std::string::npos; }));
}

TEST_F(Dashboard, RollsBackWhatTheLastReloadReplaced) {
  configure();
  put_edition("1");
  Program runtime({"run"}, environment());
  ASSERT_TRUE(runtime.says("plugins loaded")) << runtime.err();
  start_dashboard();
  EXPECT_EQ(post("/plugins/reload", "sure=yes&what=rollback").status, 200);
  EXPECT_THAT(last_reload(), HasSubstr("no plugin was replaced since the start"));
  put_edition("2");
  EXPECT_EQ(post("/plugins/reload", "sure=yes").status, 200);
  EXPECT_EQ(post("/plugins/reload", "sure=yes&what=rollback").status, 200);
  EXPECT_THAT(last_reload(),
              AllOf(HasSubstr("\"rollback\""), HasSubstr("\"replaced\""), HasSubstr("\"1.0.0\"")));
}

TEST_F(Dashboard, DrainsARuntimeOfItsMachineOnly) {
  configure();
  Program runtime({"run"}, environment());
  ASSERT_TRUE(runtime.says("plugins loaded")) << runtime.err();
  start_dashboard();
  const std::string id = database.value("SELECT id FROM sluice.runtime");
  EXPECT_EQ(post("/runtimes/" + id + "/drain", "sure=yes", "viewer's").status, 403);
  EXPECT_EQ(post("/runtimes/" + id + "/drain", "").status, 400);
  EXPECT_EQ(post("/runtimes/999/drain", "sure=yes").status, 404);
  const std::string host = database.value("SELECT host FROM sluice.runtime");
  database.exec("UPDATE sluice.runtime SET host = 'elsewhere'");
  const http::Answer far = post("/runtimes/" + id + "/drain", "sure=yes");
  EXPECT_EQ(far.status, 409);
  EXPECT_THAT(far.body, HasSubstr("runs on elsewhere, and this page is served on"));
  EXPECT_THAT(ask({"/runtimes", "GET", {}}, "admin's").body, HasSubstr("not from this page"));
  database.exec("UPDATE sluice.runtime SET host = '" + host + "'");
  EXPECT_THAT(ask({"/runtimes", "GET", {}}, "admin's").body, HasSubstr("Drain runtime " + id));
  EXPECT_EQ(post("/runtimes/" + id + "/drain", "sure=yes").status, 200);
  EXPECT_EQ(runtime.wait(), 0) << runtime.err();
  EXPECT_EQ(
      database.value("SELECT string_agg(filter->>'runtimes', ',') FROM sluice.audit WHERE action = 'drain'"),
      id);
}

TEST_F(Dashboard, GivesAJobAsAFileThatPluginRunTakes) {
  configure("redact = [\"/card\"]\n[plugin.probe.config]\npassword = \"rose\"\n");
  insert("a/b", "test.probe", R"({"do":"ok","card":"4711"})");
  ASSERT_TRUE(drains());
  start_dashboard();
  EXPECT_EQ(ask({"/api/v1/jobs/a%2Fb/repro"}, "viewer's").status, 403);
  EXPECT_EQ(ask({"/api/v1/jobs/none/repro"}, "admin's").status, 404);
  const http::Answer file = ask({"/api/v1/jobs/a%2Fb/repro"}, "admin's");
  ASSERT_EQ(file.status, 200) << file.body;
  EXPECT_EQ(file.headers.at("content-disposition"), "attachment; filename=\"a%2Fb.json\"");
  EXPECT_THAT(file.body,
              AllOf(HasSubstr("\"id\": \"a/b\""), HasSubstr("[redacted]"), HasSubstr("\"sha256\"")));
  EXPECT_THAT(file.body, Not(HasSubstr("rose")));
  EXPECT_THAT(file.body, Not(HasSubstr("4711")));
  EXPECT_EQ(database.value("SELECT ids[1] FROM sluice.audit WHERE action = 'repro'"), "a/b");
  const std::string path = scratch.write("job.json", file.body);
  const Ended again = sluice({"plugin", "run", "--repro", path});
  EXPECT_EQ(again.code, 0) << again.out << again.err;
}

TEST_F(Dashboard, ShowsWhatTheSchemaFindsInAPayload) {
  configure();
  insert("wrong", "test.strict", R"({"to": 7, "count": 3})");
  insert("right", "test.strict", R"({"to": "ada@example.com", "count": 3})");
  start_dashboard();
  EXPECT_THAT(page("/jobs/wrong"), HasSubstr("\"payload_checked\": false"))
      << "nobody has served the type yet";
  ASSERT_TRUE(sluice({"drain"}).code == 0 || status("wrong") == "error");
  EXPECT_THAT(page("/jobs/wrong"),
              AllOf(HasSubstr("\"payload_checked\": true"), HasSubstr("\"pointer\": \"/to\"")));
  EXPECT_THAT(ask({"/jobs/wrong"}, "admin's").body, HasSubstr("← expected"));
  EXPECT_THAT(page("/jobs/right"), HasSubstr("\"payload_problems\": []"));
  EXPECT_THAT(ask({"/api/v1/jobs/wrong"}, "viewer's").body, Not(HasSubstr("payload_problems")));
}

TEST_F(Dashboard, EnqueuesFromTheFormOfATypesSchema) {
  configure();
  ASSERT_TRUE(drains()) << "the types are known from now on";
  start_dashboard();
  const http::Answer page = ask({"/types/test.strict"}, "admin's");
  EXPECT_THAT(page.body, HasSubstr("name=\"field.to\""));
  EXPECT_EQ(post("/jobs/new", "type=test.strict&form=fields&field.count=3").status, 422);
  const http::Answer again = ask({"/jobs/new",
                                  "POST",
                                  {{"Sec-Fetch-Site", "same-origin"}},
                                  "type=test.strict&form=fields&field.to=ada%40example.com&field.count=x"},
                                 "admin's");
  EXPECT_EQ(again.status, 422);
  EXPECT_THAT(again.body,
              AllOf(HasSubstr("expected a whole number"), HasSubstr("value=\"ada@example.com\"")));
  EXPECT_EQ(count("true"), "0");
  EXPECT_EQ(post("/jobs/new", "type=test.strict&form=fields&field.to=ada%40example.com&field.count=3").status,
            200);
  EXPECT_EQ(count("payload = '{\"to\": \"ada@example.com\", \"count\": 3}'"), "1");
}

TEST_F(Dashboard, ShowsHowRuntimesDiffer) {
  configure();
  Program one({"run"}, environment());
  ASSERT_TRUE(one.says("plugins loaded")) << one.err();
  auto other = environment();
  other["SLUICE_RETRY_MAX_ATTEMPTS"] = "9";
  Program two({"run"}, other);
  ASSERT_TRUE(two.says("plugins loaded")) << two.err();
  start_dashboard();
  EXPECT_TRUE(eventually([&] {
    return page("/runtimes").find("\"retry.max_attempts\"") != std::string::npos;
  })) << page("/runtimes");
  EXPECT_THAT(page("/runtimes"), AllOf(HasSubstr("\"the default\""), HasSubstr("\"9\"")));
  EXPECT_THAT(page("/runtimes"), Not(HasSubstr("admin's")));
}

TEST_F(Dashboard, PrintsAnAddressForItsUserOnTheLoopback) {
  config = scratch.write("open.toml", scratch.read("sluice.toml") + "[http]\nlisten = \"127.0.0.1:0\"\n");
  start_dashboard({"dashboard"}, "Open this address");
  std::smatch token;
  const std::string said = program->err();
  ASSERT_TRUE(std::regex_search(said, token, std::regex("/login\\?token=([0-9a-f]{64})"))) << said;
  EXPECT_EQ(ask({"/api/v1/now"}).status, 401) << "nobody else gets in";
  const http::Question link{"/login?token=" + token[1].str()};
  http::Question elsewhere = link;
  elsewhere.headers = {{"Sec-Fetch-Site", "cross-site"}};
  EXPECT_EQ(ask(elsewhere).status, 403) << "a link on a page of another site";
  const http::Answer in = ask(link);
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

TEST_F(Dashboard, DoesNotAskForThePassPhraseOfAKey) {
  const std::string certificate = scratch.path("tls.crt");
  const std::string key = scratch.path("tls.key");
  const std::string make =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -passout pass:rose -days 2 -subj "
      "/CN=localhost "
      "-keyout " +
      key + " -out " + certificate + " 2>/dev/null";
  ASSERT_EQ(std::system(make.c_str()), 0);
  configure("certificate = \"" + certificate + "\"\nkey = \"" + key + "\"\n");
  Program refused({"dashboard"}, environment());
  EXPECT_EQ(refused.wait(), 2);
  EXPECT_THAT(refused.err(), HasSubstr("tls.key' failed: it is encrypted"));
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
