// sluice why: the decision path of docs/operations.md, on real jobs.
#include "program/outbox.hpp"

namespace sluice::test {
namespace {

class WhyCommand : public Outbox {
 protected:
  Ended why(const std::string& asked) const { return sluice({"why", asked, "--json"}); }
  /// The names of the checks that are not good, in order.
  std::string bad(const std::string& asked) {
    return database.value(
        "SELECT coalesce(string_agg(c ->> 'name', ' ' ORDER BY place), '') FROM "
        "jsonb_array_elements($1::jsonb "
        "-> 'checks') WITH ORDINALITY AS t (c, place) WHERE NOT (c ->> 'good')::bool",
        {why(asked).out});
  }
};

TEST_F(WhyCommand, NobodyRunsAJob) {
  insert("a", "test.probe");
  EXPECT_EQ(bad("a"), "runtime served");
  const Ended text = sluice({"why", "a"});
  EXPECT_EQ(text.code, 1);
  EXPECT_NE(text.out.find("no  Does a runtime run? No."), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("run: sluice run\n"), std::string::npos) << text.out;
  EXPECT_EQ(text.out.find('\033'), std::string::npos) << "colours are for terminals";
}

TEST_F(WhyCommand, AllIsGoodWhileARuntimeRunsAndServes) {
  Program program({"run"}, environment());
  insert("a", "test.probe", probe("wait_cancel"));
  EXPECT_TRUE(eventually([&] { return why("a").code == 0; })) << why("a").out;
  EXPECT_TRUE(eventually([&] { return why("test.probe").code == 0; })) << why("test.probe").out;
  insert("typo", "test.porbe");
  EXPECT_EQ(bad("typo"), "plugin served");
  ASSERT_EQ(sluice({"jobs", "cancel", "a"}).code, 0);
  EXPECT_TRUE(eventually([&] { return bad("a") == "job attempt"; })) << why("a").out;
}

TEST_F(WhyCommand, ADoneJobIsGoodAndAFailedOneIsNot) {
  insert("done", "test.probe");
  insert("bad", "test.probe", probe("fail"));
  ASSERT_TRUE(drains());
  EXPECT_EQ(why("done").code, 0) << why("done").out;
  EXPECT_EQ(bad("bad"), "runtime served job attempt");
  EXPECT_NE(sluice({"why", "bad"}).out.find("run: sluice jobs retry bad\n"), std::string::npos);
}

TEST_F(WhyCommand, NamesTheSessionThatHoldsTheRow) {
  insert("a", "test.probe");
  Session application(database.url());
  application.exec("BEGIN; SELECT FROM \"Outbox\" WHERE id = 'a' FOR UPDATE");
  EXPECT_EQ(bad("a"), "runtime served lock");
  EXPECT_NE(why("a").out.find("idle in transaction"), std::string::npos) << why("a").out;
}

TEST_F(WhyCommand, OlderJobsComeFirst) {
  insert("old", "test.probe");
  insert("new", "test.probe");
  database.exec("UPDATE \"Outbox\" SET \"createdAt\" = \"createdAt\" - interval '1 h' WHERE id = 'old'");
  EXPECT_EQ(bad("old"), "runtime served");
  EXPECT_EQ(bad("new"), "runtime served order");
}

TEST_F(WhyCommand, TheNameTheSchemaOrTheDatabaseIsWrong) {
  EXPECT_EQ(bad("c0ffee"), "found");
  const Ended down = run({"why", "a", "--database-url", "postgresql://127.0.0.1:1/app"});
  EXPECT_EQ(down.code, 1);
  EXPECT_NE(down.out.find("no  Does the database answer? No: "), std::string::npos) << down.out;
  database.exec("INSERT INTO sluice.migration (version, name) VALUES (1000, 'of a later sluice')");
  EXPECT_EQ(bad("a"), "schema");
}

TEST_F(WhyCommand, NeedsANameAndADatabase) {
  EXPECT_EQ(sluice({"why"}).code, 2);
  EXPECT_EQ(run({"why", "a"}).code, 2);
}

}  // namespace
}  // namespace sluice::test
