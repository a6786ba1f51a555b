#include "dashboard/redaction.hpp"

#include <gtest/gtest.h>

namespace sluice::dashboard {
namespace {

TEST(Redaction, HidesTheNamedValues) {
  EXPECT_EQ(redacted(R"({"a":1,"password":"x"})", {"/password"}), R"({"a":1,"password":"[redacted]"})");
  EXPECT_EQ(redacted(R"({"card":{"number":[1,{"a":2}],"name":"x"}})", {"/card/number"}),
            R"({"card":{"number":"[redacted]","name":"x"}})");
  EXPECT_EQ(redacted(R"({"card":{"number":1},"b":[true,null]})", {"/card"}),
            R"({"card":"[redacted]","b":[true,null]})");
  EXPECT_EQ(redacted(R"({"list":[{"k":1},{"k":2}],"k":3})", {"/list/1/k"}),
            R"({"list":[{"k":1},{"k":"[redacted]"}],"k":3})");
  EXPECT_EQ(redacted(R"({"list":[[],{},7,8]})", {"/list/2"}), R"({"list":[[],{},"[redacted]",8]})");
}

TEST(Redaction, LeavesTheRestAsItIs) {
  const std::string json = R"({"n":12345678901234567890123,"d":1.10,"t":"ä\n"})";
  EXPECT_EQ(redacted(json, {}), json);
  EXPECT_EQ(redacted(json, {"/absent", "/n/deeper"}), json) << "numbers keep their digits";
}

TEST(Redaction, EscapesOfPointersCount) {
  EXPECT_EQ(redacted(R"({"a/b":1,"c~d":2})", {"/a~1b", "/c~0d"}),
            R"({"a/b":"[redacted]","c~d":"[redacted]"})");
}

TEST(Redaction, ShowsNothingOfInvalidJson) {
  EXPECT_EQ(redacted(R"({"password":"x")", {"/password"}), R"("[invalid JSON]")");
}

}  // namespace
}  // namespace sluice::dashboard
