// Reading payloads, and the errors for unexpected ones.
#include <gtest/gtest.h>
#include <sluice/testing.hpp>

#include <cmath>

namespace {

using sluice::Json;
using sluice::testing::FakeJob;

/// Runs `read` on the payload. Returns its error, or "" if it succeeds.
template <class Read>
std::string error_of(std::string payload, Read read) {
  FakeJob fake(std::move(payload));
  const auto outcome = fake.run([&](sluice::Job& job) {
    read(job.payload());
    return sluice::done();
  });
  EXPECT_EQ(outcome.result, outcome.error.empty() ? SLUICE_DONE : SLUICE_FAIL);
  EXPECT_EQ(outcome.code, outcome.error.empty() ? "" : "bad-payload");
  return outcome.error;
}

template <class Read>
void expect_reads(std::string payload, Read read) {
  EXPECT_EQ(error_of(std::move(payload), read), "");
}

TEST(Payload, ReadsEachType) {
  expect_reads(
      R"({"s": "a\u0000b", "i": -9223372036854775808, "n": 1.5, "b": true, "o": {"x": 1}, "a": [1, 2]})",
      [](const Json& payload) {
        EXPECT_EQ(payload.string("s"), std::string("a\0b", 3));
        EXPECT_EQ(payload.integer("i"), INT64_MIN);
        EXPECT_EQ(payload.number("n"), 1.5);
        EXPECT_TRUE(payload.boolean("b"));
        EXPECT_EQ(payload.object("o").integer("x"), 1);
        EXPECT_EQ(payload.array("a").size(), 2U);
      });
}

TEST(Payload, NamesTheMemberThatIsAbsentOrOfAnotherType) {
  EXPECT_EQ(error_of("{}", [](const Json& p) { p.string("name"); }),
            "payload /name: expected a string, found nothing");
  EXPECT_EQ(error_of(R"({"name": 1})", [](const Json& p) { p.string("name"); }),
            "payload /name: expected a string, found a number");
  EXPECT_EQ(error_of(R"({"n": null})", [](const Json& p) { p.number("n"); }),
            "payload /n: expected a number, found null");
  EXPECT_EQ(error_of(R"({"n": "1"})", [](const Json& p) { p.integer("n"); }),
            "payload /n: expected an integer, found a string");
  EXPECT_EQ(error_of(R"({"b": {}})", [](const Json& p) { p.boolean("b"); }),
            "payload /b: expected a boolean, found an object");
  EXPECT_EQ(error_of(R"({"o": false})", [](const Json& p) { p.object("o"); }),
            "payload /o: expected an object, found a boolean");
  EXPECT_EQ(error_of("{}", [](const Json& p) { p.at("x"); }), "payload /x: expected a value, found nothing");
}

TEST(Payload, ReportsTheWholePathAsAJsonPointer) {
  EXPECT_EQ(error_of(R"({"a/b": {"c~d": [true]}})",
                     [](const Json& p) {
                       for (const Json& element : p.object("a/b").array("c~d")) element.as_string();
                     }),
            "payload /a~1b/c~0d/0: expected a string, found a boolean");
}

TEST(Payload, ThatIsNotAnObjectHasNoMembers) {
  EXPECT_EQ(error_of("[]", [](const Json& p) { p.string("name"); }),
            "payload: expected an object, found an array");
  EXPECT_EQ(error_of("3", [](const Json& p) { p.find("name"); }),
            "payload: expected an object, found a number");
}

TEST(Payload, ThatIsInvalidJsonReportsThePlace) {
  EXPECT_EQ(error_of(R"({"a": )", [](const Json&) {}), "payload: invalid JSON at byte 6: Invalid value.");
  EXPECT_NE(error_of("", [](const Json&) {}), "");
  EXPECT_NE(error_of("{} {}", [](const Json&) {}), "");
}

TEST(Payload, UsesAFallbackOnlyForAbsentOrNullMembers) {
  expect_reads(R"({"null": null, "s": "x"})", [](const Json& payload) {
    EXPECT_EQ(payload.string_or("absent", "d"), "d");
    EXPECT_EQ(payload.string_or("null", "d"), "d");
    EXPECT_EQ(payload.string_or("s", "d"), "x");
    EXPECT_EQ(payload.integer_or("absent", 7), 7);
    EXPECT_EQ(payload.number_or("absent", 0.5), 0.5);
    EXPECT_TRUE(payload.boolean_or("absent", true));
    EXPECT_FALSE(payload.find("absent"));
    EXPECT_FALSE(payload.find("null"));
    EXPECT_TRUE(payload.at("null").value().IsNull());
  });
  EXPECT_EQ(error_of(R"({"s": 1})", [](const Json& p) { p.string_or("s", "d"); }),
            "payload /s: expected a string, found a number");
}

// GCC 13 and later must not warn here: the view is destroyed, but the value still exists.
TEST(Payload, ReturnsValuesThatOutliveTheirViews) {
  expect_reads(R"({"to": {"name": "Ada"}})", [](const Json& payload) {
    const rapidjson::Value& to = payload.object("to").value();
    EXPECT_STREQ(to["name"].GetString(), "Ada");
  });
}

TEST(Payload, ReadsWholeNumbersInAnyNotationAsIntegers) {
  expect_reads(R"({"a": 3.0, "b": 3e2, "c": 9223372036854775807})", [](const Json& payload) {
    EXPECT_EQ(payload.integer("a"), 3);
    EXPECT_EQ(payload.integer("b"), 300);
    EXPECT_EQ(payload.integer("c"), INT64_MAX);
  });
  EXPECT_EQ(error_of(R"({"n": 3.5})", [](const Json& p) { p.integer("n"); }),
            "payload /n: expected an integer, found a fraction");
  for (const char* large : {"9223372036854775808", "1e300", "1e400"}) {
    EXPECT_EQ(error_of(std::string(R"({"n": )") + large + "}", [](const Json& p) { p.integer("n"); }),
              "payload /n: expected an integer, found one too large");
  }
}

TEST(Payload, UsesTheLastOfRepeatedMembers) {
  expect_reads(
      R"({"a": 1, "b": {"x": 1, "x": {"y": 1, "y": 2}}, "a": [{"c": 1, "c": 2}], "a": [{"c": 3, "\u0063": 4}]})",
      [](const Json& payload) {
        EXPECT_EQ(payload.value().MemberCount(), 2U);
        EXPECT_EQ(payload.object("b").object("x").integer("y"), 2);
        EXPECT_EQ((*payload.array("a").begin()).integer("c"), 4);
        EXPECT_EQ((*payload.array("a").begin()).at("c").json(), "4");
      });
}

TEST(Payload, WithManyRepeatedMembersIsReadQuickly) {
  std::string payload = "{";
  for (int i = 0; i < 200'000; ++i) payload += "\"a\": " + std::to_string(i) + ", ";
  expect_reads(payload + "\"b\": 1}", [](const Json& p) { EXPECT_EQ(p.integer("a"), 199'999); });
}

TEST(Payload, KeepsTheDigitsOfNumbers) {
  expect_reads(
      R"( {"n": 1.10, "big": 123456789012345678901234567890, "e": 1E+2, "s": "a\"}]",
          "o": { "in~/": [ {}, [1.50 ,-0, "]"], 1e400 ] }, "t": true, "\u0071": 2.0} )",
      [](const Json& payload) {
        EXPECT_EQ(payload.at("n").as_text(), "1.10");
        EXPECT_EQ(payload.at("big").as_text(), "123456789012345678901234567890");
        EXPECT_EQ(payload.at("e").as_text(), "1E+2");
        EXPECT_EQ(payload.at("s").as_text(), "a\"}]");
        EXPECT_EQ(payload.at("s").json(), R"("a\"}]")");
        EXPECT_EQ(payload.at("q").as_text(), "2.0");
        EXPECT_EQ(payload.at("t").json(), "true");
        std::vector<std::string> elements;
        for (const Json& element : payload.object("o").array("in~/")) elements.push_back(element.json());
        EXPECT_EQ(elements, (std::vector<std::string>{"{}", R"([1.50 ,-0, "]"])", "1e400"}));
      });
  EXPECT_EQ(error_of(R"({"t": true})", [](const Json& p) { p.at("t").as_text(); }),
            "payload /t: expected a string or a number, found a boolean");
  EXPECT_EQ(error_of(R"({"t": {}})", [](const Json& p) { p.at("t").as_text(); }),
            "payload /t: expected a string or a number, found an object");
}

TEST(Payload, ReadsDoublesExactly) {
  expect_reads("[0.30000000000000004, 1.7976931348623157e308, 5e-324, 1e-400]", [](const Json& payload) {
    std::vector<double> numbers;
    for (const Json& element : payload) numbers.push_back(element.as_number());
    EXPECT_EQ(numbers, (std::vector<double>{0.30000000000000004, 1.7976931348623157e308, 5e-324, 0.0}));
  });
}

TEST(Payload, ANumberBeyondADoubleFailsOnlyWhenItIsRead) {
  for (const std::string& large :
       {std::string("1e400"), std::string("-1e309"), std::string("9e308"), std::string("1.8e308"),
        std::string(400, '7'), "-" + std::string(400, '7') + ".5E+3"}) {
    const std::string payload = R"({"text": "1e400 \" 1e400", "n": )" + large + R"(, "m": [)" + large + "]}";
    expect_reads(payload, [](const Json& p) { EXPECT_EQ(p.string("text"), "1e400 \" 1e400"); });
    EXPECT_EQ(error_of(payload, [](const Json& p) { p.number("n"); }),
              "payload /n: expected a number, found one too large for a double");
  }
}

TEST(Payload, ANumberBeyondADoubleDoesNotAllowInfinityAsInput) {
  for (const char* odd :
       {"[1e400, Inf]", "[1e400, NaN]", "[1e400, -Infinity]", "[1e400 Inf]", "[1e400", "[1e400-]"}) {
    EXPECT_NE(error_of(odd, [](const Json&) {}), "") << odd;
  }
}

TEST(Payload, OfAnyDepthIsReadWithoutRecursion) {
  constexpr std::size_t depth = 1'000'000;
  FakeJob fake(std::string(depth, '[') + "1e400," + "0" + std::string(depth, ']'));
  const auto outcome = fake.run([](sluice::Job& job) {
    EXPECT_EQ(job.payload().size(), 1U);
    return sluice::done();
  });
  EXPECT_EQ(outcome.result, SLUICE_DONE) << outcome.error;
}

TEST(Payload, ValuesCanBecomeTheOutputAtAnyDepth) {
  constexpr std::size_t depth = 1'000'000;
  const std::string payload = std::string(depth, '[') + R"({"a":[1,"x"],"b":null})" + std::string(depth, ']');
  const auto outcome = FakeJob(payload).run([](sluice::Job& job) {
    job.output(job.payload().value());
    return sluice::done();
  });
  EXPECT_EQ(outcome.result, SLUICE_DONE) << outcome.error;
  EXPECT_TRUE(outcome.output == payload);
}

TEST(Payload, AnInfinityIsAnInvalidOutput) {
  const auto outcome = FakeJob("[1e400]").run([](sluice::Job& job) {
    job.output(job.payload().value());
    return sluice::done();
  });
  EXPECT_EQ(outcome.result, SLUICE_FAIL);
  EXPECT_EQ(outcome.error, "output: NaN and infinite numbers are not valid JSON");
}

}  // namespace
