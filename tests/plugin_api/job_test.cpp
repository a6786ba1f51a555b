// The job as its handler sees it, and the handler's calls to the host.
#include <gtest/gtest.h>
#include <sluice/testing.hpp>

#include <clocale>
#include <limits>

namespace {

using namespace std::chrono_literals;
using sluice::Job;
using sluice::testing::FakeJob;

TEST(Job, ShowsTheHostsValues) {
  FakeJob fake("[1]");
  fake.id("a \"quoted\" id").attempt(3, 3).deadline(Job::Time(1s));
  Job job(fake.raw());
  EXPECT_EQ(job.id(), "a \"quoted\" id");
  EXPECT_EQ(job.idempotency_key(), job.id());
  EXPECT_EQ(job.type(), "test.type");
  EXPECT_EQ(job.payload_text(), "[1]");
  EXPECT_EQ(job.attempt(), 3U);
  EXPECT_TRUE(job.last_attempt());
  EXPECT_EQ(job.created_at().time_since_epoch(), 0us);
  EXPECT_EQ(job.deadline()->time_since_epoch(), 1s);
}

TEST(Job, WithoutATimeLimitHasNoDeadline) {
  FakeJob fake;
  EXPECT_EQ(Job(fake.raw()).deadline(), std::nullopt);
  EXPECT_FALSE(Job(fake.raw()).last_attempt());
}

TEST(Job, PassesOnProgressOutputAndCancellation) {
  FakeJob fake;
  const auto outcome = fake.run([&](Job& job) {
    EXPECT_FALSE(job.is_cancelled());
    fake.cancel();
    EXPECT_TRUE(job.is_cancelled());
    job.progress(0.5, "half");
    job.output(R"({"rows": 3})");
    return sluice::done();
  });
  EXPECT_EQ(fake.progress(), 0.5);
  EXPECT_EQ(fake.progress_note(), "half");
  EXPECT_EQ(outcome.output, R"({"rows": 3})");
}

TEST(Log, WritesFieldsOfEachType) {
  FakeJob fake;
  (void)fake.run([](Job& job) {
    const std::string owned = "text";
    job.log().warn("line", {{"literal", "x"},
                            {"string", owned},
                            {"bool", true},
                            {"int", -3},
                            {"large", std::numeric_limits<std::uint64_t>::max()},
                            {"double", 12.5},
                            {"float", 0.5F},
                            {"nan", std::numeric_limits<double>::quiet_NaN()},
                            sluice::Field::json("json", R"([1])")});
    job.log().trace("bare");
    return sluice::done();
  });
  const auto& line = fake.logs().at(0);
  EXPECT_EQ(line.level, SLUICE_LOG_WARN);
  EXPECT_EQ(line.message, "line");
  EXPECT_EQ(line.fields, (std::map<std::string, std::string>{{"literal", "x"},
                                                             {"string", "text"},
                                                             {"bool", "true"},
                                                             {"int", "-3"},
                                                             {"large", "18446744073709551615"},
                                                             {"double", "12.5"},
                                                             {"float", "0.5"},
                                                             {"nan", "nan"},
                                                             {"json", "[1]"}}));
  EXPECT_EQ(fake.logs().at(1).level, SLUICE_LOG_TRACE);
}

TEST(Log, MarksNumbersAndBooleansAsJsonAndTheRestAsText) {
  EXPECT_EQ(sluice::Field("k", 1).raw().kind, std::uint32_t{SLUICE_FIELD_JSON});
  EXPECT_EQ(sluice::Field("k", false).raw().kind, std::uint32_t{SLUICE_FIELD_JSON});
  EXPECT_EQ(sluice::Field("k", "1").raw().kind, std::uint32_t{SLUICE_FIELD_TEXT});
  EXPECT_EQ(sluice::Field("k", std::numeric_limits<double>::infinity()).raw().kind,
            std::uint32_t{SLUICE_FIELD_TEXT});
}

struct Greeter {
  std::uint32_t size;
  std::uint32_t reserved;
  void (*greet)();
  void (*added_later)();
};

TEST(Extension, IsFoundByItsId) {
  const Greeter greeter{sizeof(Greeter), 0, nullptr, nullptr};
  FakeJob fake;
  fake.extension("test.greeter/1", &greeter);
  Job job(fake.raw());
  EXPECT_EQ(job.extension<Greeter>("test.greeter/1"), &greeter);
  EXPECT_EQ(job.extension<Greeter>("test.other/1"), nullptr);
}

TEST(Extension, OfAnOlderHostIsAcceptedOnlyIfLargeEnough) {
  const Greeter older{offsetof(Greeter, added_later), 0, nullptr, nullptr};
  FakeJob fake;
  fake.extension("test.greeter/1", &older);
  Job job(fake.raw());
  EXPECT_EQ(job.extension<Greeter>("test.greeter/1"), nullptr);
  const Greeter* found = job.extension<Greeter>("test.greeter/1", offsetof(Greeter, added_later));
  ASSERT_EQ(found, &older);
  EXPECT_TRUE(SLUICE_HAS(found, Greeter, greet));
  EXPECT_FALSE(SLUICE_HAS(found, Greeter, added_later));
}

}  // namespace
