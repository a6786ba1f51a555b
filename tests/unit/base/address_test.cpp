#include "base/address.hpp"

#include <gtest/gtest.h>

namespace sluice::base {
namespace {

std::string parsed(std::string_view text) {
  const auto address = parse_address(text);
  return address ? address->text() : "none";
}

TEST(Address, IsAHostAndAPort) {
  EXPECT_EQ(parsed("127.0.0.1:9640"), "127.0.0.1:9640");
  EXPECT_EQ(parsed("0.0.0.0:0"), "0.0.0.0:0");
  EXPECT_EQ(parsed("metrics.example.com:80"), "metrics.example.com:80");
  EXPECT_EQ(parsed("[::1]:9640"), "[::1]:9640");
  EXPECT_EQ(parse_address("[::1]:9640")->host, "::1");
}

TEST(Address, IsOnTheLoopbackByDefault) {
  EXPECT_EQ(parsed("9640"), "127.0.0.1:9640");
  EXPECT_EQ(parsed(":9640"), "127.0.0.1:9640");
}

TEST(Address, RefusesAnythingElse) {
  for (const char* text :
       {"", ":", "localhost", "localhost:", "localhost:http", "a:65536", "a:-1", "a: 1", "::1:9640", "[::1]",
        "[]:1", "[localhost]:1", "a b:1", "http://a:1", "a:1/", "user@a:1"}) {
    EXPECT_EQ(parsed(text), "none") << text;
  }
}

}  // namespace
}  // namespace sluice::base
