// The .sql files: how their texts are filled in, and whether PostgreSQL accepts each of them.
#include "postgres/sql.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

#include "support/test_database.hpp"
#include "world.hpp"

namespace sluice::test {
namespace {

using postgres::sql;
using testing::HasSubstr;
using testing::Not;

const auto table = postgres::TableName::parse("public.Outbox");

std::vector<std::string> names() {
  std::vector<std::string> names;
  constexpr std::string_view head = "-- name: ";
  for (const auto& file : postgres::sql_files()) {
    for (std::size_t at = file.text.find(head); at != std::string_view::npos; at = file.text.find(head, at)) {
      at += head.size();
      names.emplace_back(file.text.substr(at, file.text.find('\n', at) - at));
    }
  }
  return names;
}

TEST(Sql, FillsInTheTableFragmentsAndTheCallersTexts) {
  EXPECT_EQ(sql("retry_picked", table),
            "UPDATE \"public\".\"Outbox\" o SET status = 'pending', \"updatedAt\" = "
            "(SELECT clock_timestamp() AT TIME ZONE 'UTC') FROM picked p");
  EXPECT_THAT(sql("migrate", {{"version", "7"}, {"migration", "SELECT '{}', '{outbox}';"}, {"title", "'x'"}}),
              HasSubstr("m.version = 7) THEN RETURN; END IF;\nSELECT '{}', '{outbox}';\n"));
  EXPECT_THAT(sql("lacking_roles"), HasSubstr("'{SELECT,INSERT,UPDATE,DELETE}'"));
}

TEST(Sql, HasNoCommentsInStatements) {
  EXPECT_THAT(sql("beat"), Not(HasSubstr("--")));
}

TEST(Sql, ThrowsWithoutAStatementOrATextForAMark) {
  EXPECT_THROW(sql("no such statement"), std::logic_error);
  EXPECT_THROW(sql("retry_picked"), std::logic_error) << "the table is missing";
}

// The tests of claims, plans, jobs and series prepare the statements that are composed of parts.
TEST(Sql, OfEveryWholeStatementCanBePrepared) {
  PostgresWorld world;
  Session session(world.database().url());
  std::set<std::string> parts;
  int prepared = 0;
  for (const std::string& name : names()) {
    std::string text;
    try {
      text = sql(name, table);
    } catch (const std::logic_error&) {
      parts.insert(name);
      continue;
    }
    static const std::set<std::string> verbs{"SELECT", "WITH", "INSERT", "UPDATE", "DELETE"};
    if (!verbs.contains(text.substr(0, text.find(' '))) || name.ends_with("_picked")) continue;
    EXPECT_NO_THROW(session.exec("PREPARE \"" + name + "\" AS " + text)) << name;
    ++prepared;
  }
  EXPECT_GE(prepared, 45);
  EXPECT_LE(parts.size(), 41U) << "statements that are composed of parts are not tested here";
}

}  // namespace
}  // namespace sluice::test
