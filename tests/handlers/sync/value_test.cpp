// Decisions about values: which addresses are public, and what JSON keeps of its numbers.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>
#include <ostream>
#include <string>

#include "sync/address.hpp"
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
    ADD_FAILURE() << text << " is no address";
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

TEST(SyncAddress, OfAnythingElseIsPrivate) {
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

TEST(SyncAddress, ThatIsNoIpAddressIsPrivate) {
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
    ::testing::Values(Written{"Integer", "[9223372036854775807,-9223372036854775808,0]",
                              "[9223372036854775807,-9223372036854775808,0]"},
                      Written{"Beyond64Bits", "18446744073709551616", R"("18446744073709551616")"},
                      Written{"Money", "[12.34,0.1,99999999999.99,-0.07]",
                              "[12.34,0.1,99999999999.99,-0.07]"},
                      Written{"ManyDigits", "1234567890.12345678", R"("1234567890.12345678")"},
                      Written{"Underflow", "1e-400", R"("1e-400")"}, Written{"Zero", "0.0", "0"},
                      Written{"Nested", R"({"a":[{"b":null},true,"é\u0000\""]})",
                              R"({"a":[{"b":null},true,"é\u0000\""]})"}),
    [](const auto& written) { return std::string(written.param.name); });

TEST(SyncJsonText, ThatIsNoneIsRefused) {
  const std::string deep(200, '[');
  for (const std::string& text : {std::string(), std::string("{"), std::string("[1,]"), std::string("<html>"),
                                  std::string("[1] 2"), std::string("\"\xC3(\""), std::string("[NaN]"),
                                  deep + std::string(200, ']'), std::string(1'000'000, '[')}) {
    EXPECT_THROW(parse_json(text), BadJson) << text.substr(0, 20);
  }
  EXPECT_NO_THROW(parse_json(std::string(100, '[') + std::string(100, ']')));
}

}  // namespace
}  // namespace data_sync
