// Decisions about values: public addresses, digits of JSON numbers, encodings, and the order of cursors.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>
#include <optional>
#include <ostream>
#include <string>

#include "sync/address.hpp"
#include "sync/body.hpp"
#include "sync/cursor.hpp"
#include "sync/json.hpp"

namespace data_sync {
namespace {

bool is_public(const std::string& text) {
  sockaddr_storage storage{};
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    std::memcpy(&storage, &v4, sizeof v4);
  } else if (inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    std::memcpy(&storage, &v6, sizeof v6);
  } else {
    ADD_FAILURE() << text << " is not an address";
  }
  return data_sync::is_public(reinterpret_cast<const sockaddr&>(storage));
}

TEST(SyncAddress, OfThePublicInternetIsPublic) {
  for (const char* address :
       {"1.1.1.1",         "9.255.255.255", "11.0.0.0",        "100.63.255.255",   "100.128.0.0",
        "126.255.255.255", "128.0.0.0",     "169.253.255.255", "172.15.255.255",   "172.32.0.0",
        "192.167.255.255", "192.169.0.0",   "198.17.255.255",  "198.20.0.0",       "223.255.255.255",
        "2606:4700::1111", "2a00::1",       "2001:200::1",     "64:ff9b::1.1.1.1", "2002:101:101::1"}) {
    EXPECT_TRUE(is_public(address)) << address;
  }
}

TEST(SyncAddress, OfOtherBlocksIsPrivate) {
  for (const char* address : {"0.0.0.0",
                              "0.1.2.3",
                              "10.0.0.1",
                              "10.255.255.255",
                              "100.64.0.1",
                              "100.127.255.255",
                              "127.0.0.1",
                              "127.255.255.255",
                              "169.254.169.254",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.0.0.1",
                              "192.0.2.1",
                              "192.168.0.1",
                              "198.18.0.1",
                              "198.19.255.255",
                              "198.51.100.1",
                              "203.0.113.1",
                              "224.0.0.1",
                              "239.255.255.255",
                              "240.0.0.1",
                              "255.255.255.255",
                              "::",
                              "::1",
                              "::ffff:127.0.0.1",
                              "::ffff:10.0.0.1",
                              "::ffff:1.1.1.1",
                              "::127.0.0.1",
                              "fe80::1",
                              "febf::1",
                              "fec0::1",
                              "fc00::1",
                              "fd12:3456::1",
                              "ff02::1",
                              "ff0e::1",
                              "100::1",
                              "64:ff9b::127.0.0.1",
                              "64:ff9b::10.0.0.1",
                              "64:ff9b:1::1.1.1.1",
                              "2001::1",
                              "2001:db8::1",
                              "2002:7f00:1::1",
                              "2002:a00:1::1",
                              "2002:c0a8:101::1",
                              "3fff::1",
                              "4000::1"}) {
    EXPECT_FALSE(is_public(address)) << address;
  }
}

TEST(SyncAddress, OfAnotherFamilyIsPrivate) {
  sockaddr_storage storage{};
  storage.ss_family = AF_UNIX;
  EXPECT_FALSE(data_sync::is_public(reinterpret_cast<const sockaddr&>(storage)));
}

struct Written {
  const char* name;
  const char* json;
  const char* again;
};

void PrintTo(const Written& written, std::ostream* out) {
  *out << written.name;
}

class SyncJson : public ::testing::TestWithParam<Written> {};

TEST_P(SyncJson, KeepsEveryDigit) {
  EXPECT_EQ(to_text(parse_json(GetParam().json)), GetParam().again);
}

INSTANTIATE_TEST_SUITE_P(
    , SyncJson,
    ::testing::Values(
        Written{"Integer", "[9223372036854775807,-9223372036854775808,0]",
                "[9223372036854775807,-9223372036854775808,0]"},
        Written{"Beyond64Bits", "18446744073709551616", "18446744073709551616"},
        Written{"Money", "[12.34,1.10,99999999999.99,-0.07]", "[12.34,1.10,99999999999.99,-0.07]"},
        Written{"ManyDigits", "1234567890.12345678", "1234567890.12345678"},
        Written{"Underflow", "1e-400", "1e-400"}, Written{"Zero", "[0.0,-0]", "[0.0,-0]"},
        Written{"TextThatBeginsWithTheMark", R"(["\u00011","\u0001\u0001","\u0001"])",
                R"(["\u00011","\u0001\u0001","\u0001"])"},
        Written{"RepeatedMembers", R"({"a":1,"b":2,"a":{"c":1,"c":3}})", R"({"b":2,"a":{"c":3}})"},
        Written{"Nested", R"({"a":[{"b":null},true,"é\u0000\""]})",
                R"({"a":[{"b":null},true,"é\u0000\""]})"}),
    [](const auto& written) { return std::string(written.param.name); });

TEST(SyncJsonText, ThatIsInvalidIsRefused) {
  const std::string deep(200, '[');
  for (const std::string& text : {std::string(), std::string("{"), std::string("[1,]"), std::string("<html>"),
                                  std::string("[1] 2"), std::string("\"\xC3(\""), std::string("[NaN]"),
                                  deep + std::string(200, ']'), std::string(1'000'000, '[')}) {
    EXPECT_THROW(parse_json(text), BadJson) << text.substr(0, 20);
  }
  EXPECT_NO_THROW(parse_json(std::string(100, '[') + std::string(100, ']')));
}

TEST(SyncJsonLines, BecomeAnArrayOfObjects) {
  EXPECT_EQ(to_text(parse_json_or_lines("{\"a\":1}\n\n{\"a\":2}\r\n", false)), R"([{"a":1},{"a":2}])");
  EXPECT_EQ(to_text(parse_json_or_lines("\x1e{\"a\":1}\n\x1e{\"a\":2}\n", true)), R"([{"a":1},{"a":2}])");
  EXPECT_EQ(to_text(parse_json_or_lines("{\"a\":1}\n", true)), R"([{"a":1}])");
  EXPECT_EQ(to_text(parse_json_or_lines("{\"a\":1}\n", false)), R"({"a":1})");
  EXPECT_EQ(to_text(parse_json_or_lines("[1]\n", true)), "[1]");
  EXPECT_EQ(to_text(parse_json_or_lines("\n", true)), "[]");
  for (const char* text : {"[1]\n[2]", "{}\n[2]", "{\"a\":1}\n{\"a\":", "", "{} x"}) {
    EXPECT_THROW(parse_json_or_lines(text, false), BadJson) << text;
  }
}

std::string bytes(const std::string& hex) {
  std::string out;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return out;
}

TEST(SyncBody, IsConvertedToUtf8) {
  EXPECT_EQ(in_utf8(bytes("efbbbf5b5d"), ""), "[]");
  EXPECT_EQ(in_utf8(bytes("fffe5b00e9005d00"), "application/json"), "[é]");
  EXPECT_EQ(in_utf8(bytes("feff005b00e9005d"), ""), "[é]");
  EXPECT_EQ(in_utf8(bytes("5b00e9005d00"), ""), "[é]");
  EXPECT_EQ(in_utf8(bytes("005b00e9005d"), "application/json; charset=utf-8"), "[é]");
  EXPECT_EQ(in_utf8(bytes("fffe00005b0000005d000000"), ""), "[]");
  EXPECT_EQ(in_utf8(bytes("0000005b0000005d"), ""), "[]");
  EXPECT_EQ(in_utf8(bytes("22e922"), "application/json; charset=\"ISO-8859-1\""), "\"é\"");
  EXPECT_EQ(in_utf8(bytes("229322"), "text/json;charset=windows-1252 ; x=y"), "\"“\"");
  EXPECT_EQ(in_utf8("[]", "application/json; charset=no-such"), "[]");
  EXPECT_EQ(in_utf8("", ""), "");
}

TEST(SyncBody, RecognisesAnHtmlPage) {
  EXPECT_EQ(markup_title("\n <!DOCTYPE html><html><head><TITLE lang=en>Sign\n  in \xC3\xA9</title>"),
            "Sign in ??");
  EXPECT_EQ(markup_title("<html><title>cut"), "cut");
  EXPECT_EQ(markup_title("<?xml version='1.0'?>"), "");
  EXPECT_EQ(markup_title("[\"<title>x</title>\"]"), std::nullopt);
  EXPECT_EQ(markup_title(""), std::nullopt);
  EXPECT_TRUE(is_lines("application/x-ndjson; charset=utf-8"));
  EXPECT_TRUE(is_lines("application/jsonl"));
  EXPECT_FALSE(is_lines("application/json"));
}

struct Compared {
  const char* name;
  const char* smaller;  // JSON
  const char* larger;
};

void PrintTo(const Compared& compared, std::ostream* out) {
  *out << compared.name;
}

class SyncCursorOrder : public ::testing::TestWithParam<Compared> {};

TEST_P(SyncCursorOrder, FindsTheLargerOne) {
  const auto smaller = parse_json(GetParam().smaller);
  const auto larger = parse_json(GetParam().larger);
  EXPECT_LT(compare_cursors(smaller, larger).value(), 0);
  EXPECT_GT(compare_cursors(larger, smaller).value(), 0);
  EXPECT_EQ(compare_cursors(smaller, smaller).value(), 0);
}

INSTANTIATE_TEST_SUITE_P(
    , SyncCursorOrder,
    ::testing::Values(
        Compared{"Fractions", "1714557600", "1714557600.123456"},
        Compared{"BeyondDoubles", "9007199254740992", "9007199254740993"},
        Compared{"Beyond64Bits", "99999999999999999998", "99999999999999999999.5"},
        Compared{"Lengths", "9", "10"}, Compared{"Negative", "-10", "-9"},
        Compared{"ZeroAndNegative", "-0.1", "0"}, Compared{"Exponents", "1e2", "1.01E+2"},
        Compared{"HugeExponents", R"("1e99999999999999999999")", R"("2e99999999999999999999")"},
        Compared{"Small", "1e-7", "0.000001"}, Compared{"NumbersAsTexts", R"("9")", R"("10")"},
        Compared{"NumberAndText", "9", R"("10.5")"}, Compared{"Bytes", R"("Z")", R"("a")"},
        Compared{"BytesBeyondAscii", R"("z")", R"("é")"},
        Compared{"Zones", R"("2026-01-01T12:00:00+02:00")", R"("2026-01-01T11:00:00Z")"},
        Compared{"ZonesWithoutColon", R"("2026-01-01T12:00+0200")", R"("2026-01-01 10:00:00.1")"},
        Compared{"FractionsOfSeconds", R"("2026-01-01T00:00:00.9Z")", R"("2026-01-01T00:00:00.9000001Z")"},
        Compared{"DateAndTime", R"("2026-01-01")", R"("2026-01-01T00:00:01-00:30")"},
        Compared{"TimesBefore1970", R"("1969-12-31T23:59:59Z")", R"("1970-01-01")"}),
    [](const auto& compared) { return std::string(compared.param.name); });

TEST(SyncCursors, AreEqualInDifferentForms) {
  EXPECT_EQ(compare_cursors(parse_json("1.50"), parse_json("15e-1")), 0);
  EXPECT_EQ(compare_cursors(parse_json("0"), parse_json("-0.0")), 0);
  EXPECT_EQ(compare_cursors(parse_json(R"("2026-01-01T01:00:00.10+01:00")"),
                            parse_json(R"("2026-01-01T00:00:00.1Z")")),
            0);
}

TEST(SyncCursors, OfNumbersAndOtherTextsCannotBeCompared) {
  EXPECT_EQ(compare_cursors(parse_json("1"), parse_json(R"("one")")), std::nullopt);
}

}  // namespace
}  // namespace data_sync
