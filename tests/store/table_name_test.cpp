#include "postgres/link/table_name.hpp"
#include "postgres/interface.hpp"

#include <gtest/gtest.h>

#include "store/store.hpp"

namespace sluice::postgres {
namespace {

TEST(TableName, KeepsCaseAndHonoursQuotes) {
  EXPECT_EQ(TableName::parse("Outbox").quoted(), R"("public"."Outbox")");
  EXPECT_EQ(TableName::parse("public.Outbox").quoted(), R"("public"."Outbox")");
  EXPECT_EQ(TableName::parse("app.outbox").quoted(), R"("app"."outbox")");
  EXPECT_EQ(TableName::parse(R"(my schema."x")").quoted(), R"("my schema"."x")");
  EXPECT_EQ(TableName::parse(R"("a.b"."c""d")").quoted(), R"("a.b"."c""d")");
  EXPECT_EQ(TableName::parse("a.b.c").quoted(), R"("a"."b.c")");
}

TEST(TableName, RefusesInvalidNames) {
  for (const char* text : {"", ".", "a.", ".b", R"("a)", R"("a"b)", R"(a."b"c)", R"("".x)"}) {
    EXPECT_THROW(TableName::parse(text), Refused) << text;
  }
  EXPECT_THROW(TableName::parse(std::string(64, 'x')), Refused);
}

TEST(TableName, NamesIndexesAsPrismaDoes) {
  EXPECT_EQ(TableName::parse("Outbox").object("status_createdAt_idx"), R"("Outbox_status_createdAt_idx")");
  EXPECT_EQ(TableName::parse("app.jobs").object("pkey"), R"("jobs_pkey")");
  EXPECT_EQ(TableName::parse(std::string(63, 'x')).object("pkey").size(), 63U + 2);
}

TEST(QuotedLiteral, SurvivesQuotesAndBackslashes) {
  EXPECT_EQ(quoted_literal("a'b"), "'a''b'");
  EXPECT_EQ(quoted_literal(R"(a\b)"), R"( E'a\\b')");
}

}  // namespace
}  // namespace sluice::postgres
