#include "dashboard/view.hpp"

#include <gmock/gmock.h>

#include "dashboard/form.hpp"
#include "dashboard/pages.hpp"
#include "dashboard/verdict.hpp"

namespace sluice::dashboard {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(View, EscapesEverything) {
  const std::string html =
      rendered("error", R"({"problem":"<script>alert('1')</script>\"&"})", {{"title", "<b>"}}, true);
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;alert(&apos;1&apos;)&lt;/script&gt;&quot;&amp;"));
  EXPECT_THAT(html, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(html, Not(HasSubstr("<b>")));
}

TEST(View, SpellsOutWhatIsInvisibleOrReordersText) {
  const std::string job = rendered("job",
                                   "{\"id\":\"a\u202eb\",\"type\":\"t\u200b\",\"next\":\"\u2066\",\"site\":{"
                                   "\"payloads\":true,\"operate\":true},"
                                   "\"failed_attempts\":[{\"attempt\":1,\"error\":\"x\u202ey\"}]}",
                                   {{"payload_text", "{\"a\": \"\u202eevil\"}"}}, false);
  EXPECT_THAT(job, HasSubstr("Job <code>a\\u{202e}b</code>"));
  EXPECT_THAT(job, HasSubstr("x\\u{202e}y"));
  EXPECT_THAT(job, HasSubstr("\\u202eevil")) << "JSON stays JSON";
  EXPECT_THAT(job, HasSubstr("name=\"instead_of\" value=\"a\u202eb\"")) << "what is sent back stays as it is";
  EXPECT_THAT(job, Not(HasSubstr("x\u202e")));
  EXPECT_THAT(job, Not(HasSubstr("\u2066")));
  const std::string audit =
      rendered("audit", "{\"entries\":[{\"ids\":[\"a/\u202e?\"],\"affected\":1,\"over\":true}]}", {}, false);
  EXPECT_THAT(audit, HasSubstr("/jobs/a%2F%E2%80%AE%3F\">a/\\u{202e}?</a>"));
}

TEST(View, WritesNumbersForPeople) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(-1234567), "-1,234,567");
  const std::string html =
      rendered("plan", R"({"action":"retry","matches":{"count":10000,"more":true}})",
               {{"query", "?status=error"}, {"verb", "retry"}, {"any_match", "yes"}}, false);
  EXPECT_THAT(html, HasSubstr("retry ≥ 10k jobs?"));
}

TEST(View, WritesSizesForPeople) {
  const std::string html = rendered(
      "now",
      R"({"verdict":{"well":true,"text":"Well"},"database":{"table_bytes":19030016,"index_bytes":999,"connections":1}})",
      {}, false);
  EXPECT_THAT(html, HasSubstr("19.0 MB"));
  EXPECT_THAT(html, HasSubstr("999 B"));
}

TEST(View, DrawsListsOfNumbersOnOneScale) {
  const std::string html = rendered(
      "types",
      R"({"types":[{"type":"a","served":true,"minutes":{"done":[0,0,0,4,8],"failed":[0,0,0,0,2],"most":8}}]})",
      {}, false);
  EXPECT_THAT(html, HasSubstr(R"(<polyline points="0.0,23.0 50.0,23.0 75.0,12.0 100.0,1.0")"));
  EXPECT_THAT(html, HasSubstr(R"(<polyline points="0.0,23.0 75.0,23.0 100.0,17.5")"));
  EXPECT_THAT(html, HasSubstr("aria-label=\"Done in each minute of the last hour: at most 8\""));
}

TEST(View, HasNoUnknownTemplate) {
  EXPECT_THROW(rendered("absent", "{}", {}, false), std::logic_error);
}

TEST(Form, ReadsFields) {
  const Form form("a=1&b=x%20y%2B&c&a=2&d=a+b&=7&e=%zz");
  EXPECT_EQ(form.value("a"), "1");
  EXPECT_EQ(form.values("a"), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(form.value("b"), "x y+");
  EXPECT_EQ(form.value("c"), "");
  EXPECT_EQ(form.value("d"), "a b");
  EXPECT_EQ(form.value("e"), "%zz");
  EXPECT_EQ(Form(form.query().substr(1)).query(), form.query());
}

/// Copied level by level, it would take minutes.
TEST(View, LeavesTheDepthOfAPayloadAlone) {
  constexpr std::size_t depth = 100'000;
  const std::string payload = std::string(depth, '[') + std::string(depth, ']');
  EXPECT_NE(rendered("error", R"({"problem": "no", "payload": )" + payload + "}", {}, false).find("no"),
            std::string::npos);
}

TEST(Query, TakesTimesInUtc) {
  EXPECT_EQ(parse_time("to", "1970-01-02T00:00").time_since_epoch(), std::chrono::hours(24));
  EXPECT_EQ(parse_time("to", "1970-01-01T00:00:01.500Z").time_since_epoch(), std::chrono::milliseconds(1500));
  EXPECT_THROW(parse_time("to", "yesterday"), Problem4xx);
}

TEST(Query, TakesValuesInThePayload) {
  const auto query = query_of(Form("where=user.id+%3D+42&where=%2Fa~1b%3D%22x%22&attempts=2&status=error"));
  ASSERT_EQ(query.payload.size(), 2U);
  EXPECT_EQ(query.payload[0].path, (std::vector<std::string>{"user", "id"}));
  EXPECT_EQ(query.payload[0].value, "42");
  EXPECT_EQ(query.payload[1].path, (std::vector<std::string>{"a/b"}));
  EXPECT_EQ(query.payload[1].value, "x");
  EXPECT_EQ(query.attempts_from, 2);
  EXPECT_THROW(query_of(Form("where=nothing")), Problem4xx);
  EXPECT_THROW(query_of(Form("attempts=many")), Problem4xx);
}

TEST(Query, OfAChangeOfManyRefusesWhatItCannotRestrictBy) {
  EXPECT_EQ(filter_of(Form("status=error&type=a&code=x")).code, "x");
  EXPECT_THROW(filter_of(Form("status=error&text=a")), Problem4xx);
  EXPECT_THROW(filter_of(Form("status=error&where=a%3D1")), Problem4xx);
}

TEST(Query, OfAGroupOfFailuresNamesItWhole) {
  const auto filter = filter_of(Form("status=error&type=a&code=&group=1&message=no+%27%E2%80%A6%27&frame=f"));
  ASSERT_TRUE(filter.alike);
  EXPECT_EQ(filter.alike->message, "no '…'");
  EXPECT_EQ(filter.alike->frame, "f");
  EXPECT_EQ(change_of("give_up", filter), Change::give_up);
  EXPECT_EQ(change_of("retry", filter), Change::retry);
  EXPECT_THROW(change_of("give_up", filter_of(Form("status=error&type=a"))), Problem4xx) << "no group";
  EXPECT_THROW(change_of("give_up", filter_of(Form("status=done&type=a&group=1"))), Problem4xx);
  EXPECT_THROW(change_of("give_up", filter_of(Form("status=error&group=1"))), Problem4xx) << "no type";
  EXPECT_THROW(change_of("burn", filter), Problem4xx);
  EXPECT_THROW(change_of("retry", filter_of(Form("type=a"))), Problem4xx) << "no status";
}

store::TypeOverview waiting(const std::string& name, bool served, double oldest = 1) {
  store::TypeOverview type;
  type.type = name;
  type.pending.count = 4210;
  type.served = served;
  type.oldest_pending = oldest;
  type.plugin = "pdf";
  return type;
}

store::RuntimeReport runtime_with(const std::string& state, const std::string& reason) {
  store::RuntimeReport runtime;
  store::PublishedPlugin plugin;
  plugin.plugin.name = "pdf";
  plugin.plugin.state = state;
  plugin.plugin.reason = reason;
  runtime.plugins.push_back(plugin);
  return runtime;
}

TEST(Verdict, IsWellWhileJobsAreServed) {
  Situation situation;
  situation.types = {waiting("a", true, 0.4)};
  situation.runtimes = {runtime_with("ready", "")};
  situation.done_per_second = 312;
  const Verdict all = verdict(situation);
  EXPECT_TRUE(all.well);
  EXPECT_EQ(all.text, "Well: 312 jobs/s, the oldest waits for 400 ms");
}

TEST(Verdict, NamesWhatStandsStill) {
  Situation situation;
  situation.types = {waiting("a", true), waiting("pdf.generate", false, 120)};
  situation.runtimes = {runtime_with("refused", "it is not an ELF file")};
  const Verdict all = verdict(situation);
  EXPECT_FALSE(all.well);
  EXPECT_EQ(all.text,
            "pdf.generate stands still: plugin pdf is refused: it is not an ELF file; 4,210 wait, the oldest "
            "for 2 min");
  EXPECT_EQ(all.problems.front().type, "pdf.generate");
}

TEST(Verdict, NamesWhoPausedAType) {
  Situation situation;
  situation.types = {waiting("a", true)};
  situation.types[0].paused = store::Paused{{}, "alice", "the bank is closed"};
  situation.runtimes = {runtime_with("ready", "")};
  EXPECT_THAT(verdict(situation).text,
              HasSubstr("a stands still: it was paused by alice (the bank is closed)"));
}

TEST(Verdict, SaysThatNoRuntimeRuns) {
  EXPECT_EQ(verdict({}).text, "No runtime runs");
}

TEST(Verdict, SaysWhatFallsBehindOrIsStuck) {
  Situation situation;
  situation.types = {waiting("a", true, 3600)};
  situation.runtimes = {runtime_with("ready", "")};
  situation.stuck = 2;
  const Verdict all = verdict(situation);
  ASSERT_EQ(all.problems.size(), 2U);
  EXPECT_THAT(all.problems[0].text, HasSubstr("2 jobs are stuck"));
  EXPECT_THAT(all.problems[1].text, HasSubstr("a falls behind"));
}

}  // namespace
}  // namespace sluice::dashboard
