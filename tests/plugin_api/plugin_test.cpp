// A plugin declared with SLUICE_PLUGIN, used through its descriptor as a host would.
#include <gtest/gtest.h>
#include <sluice/testing.hpp>

#include <stdexcept>
#include <thread>

namespace {

using namespace std::chrono_literals;
using sluice::Config;
using sluice::Job;
using sluice::Result;
using sluice::testing::FakeHost;
using sluice::testing::FakeJob;

int living = 0;

Result function(Job& job) {
  return sluice::fail(std::string(job.type()));
}

class Greeter {
 public:
  explicit Greeter(const Config& config) : word_(config.string("word")) { ++living; }
  Greeter(const Greeter&) = delete;
  ~Greeter() { --living; }
  Result operator()(Job&) const { return sluice::fail(word_); }

 private:
  const std::string word_;
};

class Counter {
 public:
  struct Slot {
    explicit Slot(Counter& counter) : step(counter.step_) { ++living; }
    Slot(const Slot&) = delete;
    ~Slot() { --living; }
    int step;
    int count = 0;
  };

  Counter() { ++living; }
  Counter(const Counter&) = delete;
  ~Counter() { --living; }
  Result run(Job&, Slot& slot) { return sluice::fail(std::to_string(slot.count += slot.step)); }

 private:
  const int step_ = 2;
};

class Plain {
 public:
  struct Slot {
    int jobs = 0;
  };
  Result operator()(Job&, Slot& slot) { return sluice::fail("plain " + std::to_string(++slot.jobs)); }
};

}  // namespace

SLUICE_PLUGIN(sluice::plugin("test-plugin", "2.1.0")
                  .vendor("vendor")
                  .url("url")
                  .license("license")
                  .summary("summary")
                  .config_schema("{}"),
              sluice::job_type<function>("test.function"), sluice::job_type<Greeter>("test.greeter"),
              sluice::job_type<Counter>("test.counter"), sluice::job_type<Counter>("test.counter2"),
              sluice::job_type<Plain>("test.plain")
                  .summary("s")
                  .schema("{}")
                  .example("1")
                  .timeout(30s)
                  .max_attempts(5)
                  .concurrency(2)
                  .backoff(1s, 1h)
                  .at_most_once());

namespace {

const sluice_plugin& plugin = sluice_plugin_v1;

TEST(Plugin, DescribesItself) {
  EXPECT_EQ(plugin.size, sizeof(sluice_plugin));
  EXPECT_EQ(plugin.abi_major, SLUICE_ABI_MAJOR);
  EXPECT_EQ(sluice::detail::view(plugin.name), "test-plugin");
  EXPECT_EQ(sluice::detail::view(plugin.version), "2.1.0");
  EXPECT_EQ(sluice::detail::view(plugin.vendor), "vendor");
  EXPECT_EQ(sluice::detail::view(plugin.url), "url");
  EXPECT_EQ(sluice::detail::view(plugin.license), "license");
  EXPECT_EQ(sluice::detail::view(plugin.summary), "summary");
  EXPECT_EQ(sluice::detail::view(plugin.config_schema), "{}");
  ASSERT_EQ(plugin.job_type_count, 5U);
}

TEST(Plugin, DescribesItsTypes) {
  const sluice_job_type& type = *plugin.job_types[4];
  EXPECT_EQ(type.size, sizeof(sluice_job_type));
  EXPECT_EQ(sluice::detail::view(type.name), "test.plain");
  EXPECT_EQ(sluice::detail::view(type.summary), "s");
  EXPECT_EQ(sluice::detail::view(type.payload_schema), "{}");
  EXPECT_EQ(sluice::detail::view(type.payload_example), "1");
  EXPECT_EQ(type.timeout_us, 30'000'000);
  EXPECT_EQ(type.max_attempts, 5U);
  EXPECT_EQ(type.concurrency, 2U);
  EXPECT_EQ(type.backoff_first_us, 1'000'000);
  EXPECT_EQ(type.backoff_cap_us, 3'600'000'000);
  EXPECT_EQ(type.flags, std::uint32_t{SLUICE_AT_MOST_ONCE});
}

TEST(Plugin, LeavesToTheRuntimeWhatItDoesNotSay) {
  const sluice_job_type& type = *plugin.job_types[0];
  EXPECT_EQ(type.payload_schema.size, 0U);
  EXPECT_EQ(type.timeout_us, 0);
  EXPECT_EQ(type.max_attempts, 0U);
  EXPECT_EQ(type.flags, 0U);
}

std::string error_of(std::size_t type, void* self, void* slot) {
  return FakeJob().run(*plugin.job_types[type], self, slot).error;
}

TEST(Plugin, StartsAndEndsAsOftenAsItIsToldTo) {
  const FakeHost host(2);
  for (int round = 0; round < 2; ++round) {
    void* self = nullptr;
    void* slots[2] = {};
    ASSERT_EQ(plugin.init(&host.raw(), sluice::detail::str(R"({"word": "hi"})"), &self), 0);
    ASSERT_EQ(plugin.slot_open(self, &host.raw(), 0, &slots[0]), 0);
    ASSERT_EQ(plugin.slot_open(self, &host.raw(), 1, &slots[1]), 0);
    EXPECT_EQ(living, 3 + 4);
    EXPECT_EQ(error_of(0, self, slots[0]), "test.function");
    EXPECT_EQ(error_of(1, self, slots[0]), "hi");
    EXPECT_EQ(error_of(2, self, slots[0]), "2");
    EXPECT_EQ(error_of(2, self, slots[0]), "4");
    EXPECT_EQ(error_of(2, self, slots[1]), "2") << "slots share no state";
    EXPECT_EQ(error_of(3, self, slots[0]), "2") << "types share no object, even of one class";
    EXPECT_EQ(error_of(4, self, slots[0]), "plain 1");
    plugin.slot_close(self, slots[0]);
    plugin.slot_close(self, slots[1]);
    plugin.shutdown(self);
    EXPECT_EQ(living, 0);
  }
}

TEST(Plugin, WhoseHandlerCanNotBeMadeRefusesAndSaysWhy) {
  const FakeHost host;
  void* self = nullptr;
  EXPECT_NE(plugin.init(&host.raw(), sluice::detail::str("{}"), &self), 0);
  EXPECT_EQ(host.error(), "configuration /word: expected a string, found nothing");
  EXPECT_EQ(living, 0);
}

TEST(Plugin, OfFunctionsOnlyHasNoHooks) {
  static constexpr auto declaration =
      sluice::detail::declare("functions", "1.0.0", sluice::job_type<function>("test.function"));
  static constexpr auto pointers = declaration.pointers();
  static constexpr sluice_plugin functions = declaration.descriptor(pointers);
  EXPECT_EQ(functions.init, nullptr);
  EXPECT_EQ(functions.slot_open, nullptr);
  EXPECT_EQ(FakeJob().run(*functions.job_types[0]).error, "test.function");
}

TEST(Config, IsReadLikeAPayload) {
  const FakeHost host(8);
  const Config config = host.config(R"({"port": 25})");
  EXPECT_EQ(config.integer("port"), 25);
  EXPECT_EQ(config.string_or("name", "none"), "none");
  EXPECT_EQ(config.text(), R"({"port": 25})");
  EXPECT_EQ(config.host().slots(), 8U);
  config.host().log().info("hello");
  EXPECT_EQ(host.logs().at(0).message, "hello");
  EXPECT_THROW((void)config.string("port"), sluice::PermanentError);
}

}  // namespace
