#include "postgres/link/text.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/test_database.hpp"

namespace sluice::postgres {
namespace {

TEST(ArrayText, QuotesSpecialCharacters) {
  ArrayText array;
  EXPECT_EQ(array.str(), "{}");
  array.add("plain");
  array.add("");
  array.add("NULL");
  array.add(R"(a"b\c,{d} e)");
  array.add_null();
  EXPECT_EQ(array.str(), R"({"plain","","NULL","a\"b\\c,{d} e",NULL})");
}

TEST(ArrayText, ContainsNumbersAndFlags) {
  ArrayText array;
  array.add(std::int64_t{-5});
  array.add(std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(array.str(), "{-5,9223372036854775807}");
  ArrayText flags;
  flags.add_flag(true);
  flags.add_flag(false);
  EXPECT_EQ(flags.str(), "{t,f}");
}

TEST(ArrayText, PostgresReadsBackEachElement) {
  test::TestDatabase database;
  const std::vector<std::string> texts{"",   "NULL", "null", "\"",   "\\", "\\\"",
                                       "{}", "a,b",  " x ",  "\t\n", "'",  "\xF0\x9F\x98\x80",
                                       "$1", "\x01"};
  ArrayText array;
  for (const auto& text : texts) array.add(text);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(database.value("SELECT ($1::text[])[$2::int]", {array.str(), std::to_string(i + 1)}), texts[i]);
  }
  EXPECT_EQ(database.value("SELECT count(*) FROM unnest($1::text[]) u WHERE u IS NULL", {array.str()}), "0");
}

TEST(CursorText, IsAlwaysAValidTimestampForPostgres) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(cursor_text(std::nullopt), "-Infinity");
  EXPECT_EQ(cursor_text(std::nan("")), "-Infinity");
  EXPECT_EQ(cursor_text(-1e300), "-Infinity");
  EXPECT_EQ(cursor_text(infinity), "Infinity");
  EXPECT_EQ(cursor_text(1e13), "Infinity");
  test::TestDatabase database;
  for (const double cursor : {-210866803200.0, 9224318015999.0, 0.0, 1767225600.123, -infinity, infinity}) {
    EXPECT_NO_THROW(
        database.value("SELECT to_timestamp($1::float8) AT TIME ZONE 'UTC'", {cursor_text(cursor)}))
        << cursor;
  }
}

TEST(CursorText, KeepsMillisecondsExactly) {
  test::TestDatabase database;
  EXPECT_EQ(database.value("SELECT count(*) FROM generate_series(timestamp '2026-01-01', timestamp "
                           "'2026-01-01 00:00:20', interval '1 ms') t "
                           "WHERE to_timestamp(date_part('epoch', t)) AT TIME ZONE 'UTC' <> t"),
            "0");
  EXPECT_EQ(database.value("SELECT (to_timestamp($1::float8) AT TIME ZONE 'UTC')::text",
                           {cursor_text(1767225600.123)}),
            "2026-01-01 00:00:00.123");
}

TEST(BoundedMicroseconds, StaysBetweenNowAndACentury) {
  EXPECT_EQ(bounded_microseconds(job::Microseconds(-1)), 0);
  EXPECT_EQ(bounded_microseconds(job::Microseconds(7)), 7);
  EXPECT_EQ(bounded_microseconds(job::Microseconds::max()), 3155760000000000);
}

}  // namespace
}  // namespace sluice::postgres
