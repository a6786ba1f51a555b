// sluice plugin shadow: jobs that have ended run again in another version, and only the differences remain.
#include <gmock/gmock.h>
#include <rapidjson/document.h>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class Shadow : public Outbox {
 protected:
  static std::string edition(const std::string& name) {
    return SLUICE_TEST_PLUGINS "/editions/" + name + ".so";
  }
  void serve(const std::string& file) {
    const std::filesystem::path from = SLUICE_TEST_PLUGINS "/" + file + ".so";
    std::filesystem::copy_file(from, plugins.scratch().path(from.filename().string()));
  }
  /// Runs jobs of the first edition to their end.
  void run_editions(const std::vector<std::string>& ids) {
    serve("editions/edition_1");
    for (const std::string& id : ids)
      insert(id, "test.edition", R"({"file":")" + scratch.path("ran") + "\"}");
    EXPECT_TRUE(drains());
  }
  Ended shadow(const std::string& file, std::vector<std::string> more = {},
               const std::string& type = "test.edition") const {
    more.insert(more.begin(), {"plugin", "shadow", file, "--type", type});
    return sluice(more);
  }
  std::string probe_file() const { return plugins.path() + "/probe.so"; }
};

TEST_F(Shadow, AVersionThatDoesTheSameDiffersInNothing) {
  run_editions({"a", "b", "c"});
  const Ended same = shadow(edition("edition_2"));
  EXPECT_EQ(same.code, 0) << same.out << same.err;
  EXPECT_THAT(same.out, HasSubstr("no difference in 3 jobs"));
  EXPECT_THAT(same.out, HasSubstr("edition 2.0.0"));
  EXPECT_THAT(same.err, HasSubstr("The handler has no network"));
}

TEST_F(Shadow, ShowsWhatFailsNowAndChangesNothing) {
  run_editions({"a", "b"});
  const std::string before = database.value(R"(SELECT string_agg(o::text, ';' ORDER BY id) FROM "Outbox" o)");
  const Ended failing = shadow(edition("edition_fails"));
  EXPECT_EQ(failing.code, 1);
  EXPECT_THAT(failing.out, HasSubstr("2 of 2 jobs differ"));
  EXPECT_THAT(failing.out, HasSubstr("outcome, done and then retry faulty"));
  EXPECT_THAT(failing.out, HasSubstr("this version fails"));
  EXPECT_EQ(database.value(R"(SELECT string_agg(o::text, ';' ORDER BY id) FROM "Outbox" o)"), before);
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.attempt"), "0");
}

TEST_F(Shadow, GoesOnAfterACrash) {
  run_editions({"1", "7", "8", "17"});
  const Ended crashing = shadow(edition("edition_crashes"));
  EXPECT_EQ(crashing.code, 1);
  EXPECT_THAT(crashing.out, HasSubstr("2 of 4 jobs differ"));
  EXPECT_THAT(crashing.out, HasSubstr("done and then crashed host-died"));
}

TEST_F(Shadow, NamesWhatDiffersInTheOutput) {
  for (const char* id : {"a", "b"}) {
    insert(id, "test.probe", R"({"do":"output","value":{"pages":3,"size":"A4"}})");
  }
  EXPECT_TRUE(drains());
  database.exec(R"(UPDATE sluice.output SET output = '{"pages":2,"size":"A4"}' WHERE job_id = 'a')");
  const Ended ended = shadow(probe_file(), {}, "test.probe");
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.out, HasSubstr("1 of 2 jobs differ"));
  EXPECT_THAT(ended.out, HasSubstr("output /pages     1  2      3     a")) << ended.out;
  EXPECT_THAT(ended.out, Not(HasSubstr("/size")));
}

TEST_F(Shadow, ComparesFollowUpJobsWithAnotherFile) {
  run_editions({"a"});
  const Ended recorded = shadow(edition("edition_enqueues"));
  EXPECT_EQ(recorded.code, 0) << "what a job enqueued is not recorded; " << recorded.out;
  const Ended against = shadow(edition("edition_enqueues"), {"--against", edition("edition_1"), "--json"});
  EXPECT_EQ(against.code, 1);
  rapidjson::Document report;
  ASSERT_FALSE(report.Parse(against.out.c_str()).HasParseError()) << against.out;
  EXPECT_STREQ(report["was"]["name"].GetString(), "edition 1.0.0");
  EXPECT_STREQ(report["is"]["name"].GetString(), "edition 2.3.0");
  EXPECT_TRUE(report["is"]["p95_seconds"].IsDouble());
  const auto& difference = report["differences"][0];
  EXPECT_STREQ(difference["what"].GetString(), "follow-up jobs test.edition");
  EXPECT_STREQ(difference["was"].GetString(), "0");
  EXPECT_STREQ(difference["is"].GetString(), "1");
  EXPECT_EQ(count("true"), "1") << "the follow-up job is discarded";
}

TEST_F(Shadow, TakesTheNewestJobsOfTheSample) {
  run_editions({"a", "b", "c", "d"});
  const Ended ended = shadow(edition("edition_2"), {"--sample", "2"});
  EXPECT_THAT(ended.out, HasSubstr("no difference in 2 jobs"));
}

TEST_F(Shadow, HandlersHaveNoNetworkUnlessItIsAllowed) {
  serve("bad/trespasser");
  insert("a", "test.trespass", R"({"try":["listen"]})");
  EXPECT_TRUE(drains());
  const std::string file = plugins.path() + "/trespasser.so";
  const Ended without = shadow(file, {}, "test.trespass");
  EXPECT_EQ(without.code, 1);
  EXPECT_THAT(without.out, HasSubstr("Operation not permitted"));
  const Ended unconfirmed = shadow(file, {"--allow-network"}, "test.trespass");
  EXPECT_EQ(unconfirmed.code, 2);
  EXPECT_THAT(unconfirmed.err, HasSubstr("does again what it did"));
  EXPECT_THAT(unconfirmed.err, HasSubstr("give --yes"));
  const Ended with = shadow(file, {"--allow-network", "--yes"}, "test.trespass");
  EXPECT_EQ(with.code, 0) << with.out << with.err;
}

TEST_F(Shadow, SaysWhatItCannotRun) {
  const Ended nothing = shadow(edition("edition_2"));
  EXPECT_EQ(nothing.code, 1);
  EXPECT_THAT(nothing.err, HasSubstr("no job of type test.edition has ended"));
  run_editions({"a"});
  const Ended other = shadow(probe_file());
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("does not handle 'test.edition'"));
  const Ended missing = shadow(scratch.path("none.so"));
  EXPECT_EQ(missing.code, 1);
  EXPECT_THAT(missing.err, HasSubstr("refused"));
}

}  // namespace
}  // namespace sluice::test
