// A plugin declared with SLUICE_PLUGIN, used through its descriptor as a host uses it.
#include <gtest/gtest.h>
#include <unistd.h>
#include <sluice/testing.hpp>

#include <cstdio>
#include <fstream>
#include <string>

namespace {

using namespace std::chrono_literals;
using sluice::Config;
using sluice::Job;
using sluice::Result;
using sluice::testing::FakeHost;
using sluice::testing::FakeJob;
using sluice::testing::StartedPlugin;

int living = 0;

Result function(Job& job) {
  return sluice::fail(std::string(job.type()));
}

Result overloaded(Job& job) {
  return sluice::fail("overloaded " + std::string(job.type()));
}
[[maybe_unused]] Result overloaded(Job&, int) {
  return sluice::done();
}
Result quiet(Job&) noexcept {
  return sluice::fail("quiet");
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
                  .config_schema("{}")
                  .sandbox(R"({"spawn": true})"),
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
  EXPECT_EQ(sluice::detail::view(plugin.sandbox), R"({"spawn": true})");
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

TEST(Plugin, LeavesUnsetValuesToTheRuntime) {
  const sluice_job_type& type = *plugin.job_types[0];
  EXPECT_EQ(type.payload_schema.size, 0U);
  EXPECT_EQ(type.timeout_us, 0);
  EXPECT_EQ(type.max_attempts, 0U);
  EXPECT_EQ(type.flags, 0U);
}

std::string error_of(std::size_t type, void* self, void* slot) {
  return FakeJob().run(*plugin.job_types[type], self, slot).error;
}

TEST(Plugin, CanBeStartedAndStoppedRepeatedly) {
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
    EXPECT_EQ(error_of(2, self, slots[1]), "2") << "slots do not share state";
    EXPECT_EQ(error_of(3, self, slots[0]), "2")
        << "types do not share an object, even if they have the same class";
    EXPECT_EQ(error_of(4, self, slots[0]), "plain 1");
    plugin.slot_close(self, slots[0]);
    plugin.slot_close(self, slots[1]);
    plugin.shutdown(self);
    EXPECT_EQ(living, 0);
  }
}

TEST(Plugin, RefusesToStartIfAHandlersConstructorThrows) {
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

TEST(Plugin, AcceptsOverloadedAndNoexceptFunctions) {
  static constexpr auto declaration = sluice::detail::declare(
      "functions", "1.0.0", sluice::job_type<overloaded>("test.overloaded"), sluice::job_type<&quiet>("q"));
  static constexpr auto pointers = declaration.pointers();
  static constexpr sluice_plugin functions = declaration.descriptor(pointers);
  EXPECT_EQ(FakeJob().run(*functions.job_types[0]).error, "overloaded test.overloaded");
  EXPECT_EQ(FakeJob().run(*functions.job_types[1]).error, "quiet");
}

TEST(StartedPlugin, RunsTheTypesOfThePluginAsAHostDoes) {
  StartedPlugin started(plugin, R"({"word": "hi"})");
  EXPECT_TRUE(started.started()) << started.error();
  FakeJob job;
  EXPECT_EQ(started.run(job).error, "test.function") << "if no type is named, the first one runs";
  EXPECT_EQ(started.run(job, "test.greeter").error, "hi");
  EXPECT_EQ(started.run(job, "test.counter").error, "2");
  EXPECT_EQ(started.run(job, "test.counter").error, "4") << "the slot stays open between jobs";
  const auto unknown = started.run(job, "test.none");
  EXPECT_EQ(unknown.result, SLUICE_FAIL);
  EXPECT_EQ(unknown.code, "unknown-type");
  EXPECT_EQ(unknown.error, "the plugin test-plugin has no job type test.none");
}

TEST(StartedPlugin, ThatRefusesToStartFailsEachJobWithTheReason) {
  {
    StartedPlugin refused(plugin, "{}");
    EXPECT_FALSE(refused.started());
    EXPECT_EQ(refused.error(), "configuration /word: expected a string, found nothing");
    FakeJob job;
    for (const char* type : {"", "test.greeter", "test.counter"}) {
      const auto outcome = refused.run(job, type);
      EXPECT_EQ(outcome.result, SLUICE_FAIL);
      EXPECT_EQ(outcome.code, "not-started");
      EXPECT_EQ(outcome.error,
                "the plugin test-plugin refuses to start: configuration /word: expected a string, found "
                "nothing");
    }
  }
  EXPECT_EQ(living, 0);
}

std::int32_t refuse_slot(void*, const sluice_host* host, std::uint32_t, void**) noexcept {
  host->set_error(host, sluice::detail::str("no room"));
  return 1;
}

TEST(StartedPlugin, IsShutDownIfItsSlotRefuses) {
  {
    sluice_plugin without_room = plugin;
    without_room.slot_open = refuse_slot;
    StartedPlugin refused(without_room, R"({"word": "hi"})");
    FakeJob job;
    EXPECT_EQ(refused.run(job).error, "the plugin test-plugin refuses to start: no room");
    EXPECT_EQ(living, 0);
  }
  EXPECT_EQ(living, 0);
}

TEST(StartedPlugin, OfFunctionsOnlyNeedsNoHooks) {
  sluice_plugin functions = plugin;
  functions.init = nullptr;
  functions.shutdown = nullptr;
  functions.slot_open = nullptr;
  functions.slot_close = nullptr;
  FakeJob job;
  EXPECT_EQ(StartedPlugin(functions).run(job).error, "test.function");
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

/// A temporary directory with one file.
class SecretFile : public ::testing::Test {
 protected:
  void write(const std::string& text) const { std::ofstream(path, std::ios::binary) << text; }
  void TearDown() override { std::remove(path.c_str()); }
  std::string config(const std::string& more = "") const {
    return R"({"token_file": ")" + path + '"' + more + '}';
  }
  /// The error for that secret of the configuration.
  static std::string refusal(std::string_view json) {
    const FakeHost host;
    try {
      (void)host.config(json).secret("token");
    } catch (const sluice::PermanentError& error) {
      EXPECT_EQ(error.code(), "bad-configuration");
      return error.what();
    }
    return "none";
  }

  const FakeHost host;
  const std::string path = ::testing::TempDir() + "sluice-secret-" +
                           ::testing::UnitTest::GetInstance()->current_test_info()->name() + "-" +
                           std::to_string(::getpid());
};

TEST_F(SecretFile, IsAnAlternativeToTheTextItself) {
  EXPECT_EQ(host.config(R"({"token": "abc"})").secret("token").get(), "abc");
  write("from a file \r\nsecond line\n");
  EXPECT_EQ(host.config(config()).secret("token").get(), "from a file");
}

TEST_F(SecretFile, IsReadEachTime) {
  write("old");
  const sluice::Secret secret = host.config(config()).secret("token");
  EXPECT_EQ(secret.get(), "old");
  write("new\n");
  EXPECT_EQ(secret.get(), "new");
  std::remove(path.c_str());
  try {
    (void)secret.get();
    FAIL() << "a deleted file was read";
  } catch (const sluice::RetryLater& error) {
    EXPECT_EQ(error.code(), "secret-file");
    EXPECT_EQ(error.what(),
              "configuration /token_file: the file '" + path + "' can't be read: No such file or directory");
  }
}

TEST_F(SecretFile, ThatCanNotBeReadIsRefusedAtTheStart) {
  EXPECT_EQ(refusal(config()),
            "configuration /token_file: the file '" + path + "' can't be read: No such file or directory");
  write("\nsecond line\n");
  EXPECT_EQ(refusal(config()), "configuration /token_file: the first line of '" + path + "' is empty");
  EXPECT_EQ(refusal(R"({"token_file": "/"})"),
            "configuration /token_file: the file '/' can't be read: Is a directory");
}

TEST_F(SecretFile, IsRefusedTogetherWithTextAndRequiredWithoutIt) {
  write("text");
  EXPECT_EQ(refusal(config(R"(, "token": "abc")")),
            "configuration /token_file: token is set too; keep one of them");
  EXPECT_EQ(refusal("{}"), "configuration /token: expected a string, or a file in token_file, found neither");
  EXPECT_EQ(refusal(R"({"token": ""})"),
            "configuration /token: expected a string, or a file in token_file, found neither");
  EXPECT_EQ(refusal(R"({"token": 1})"), "configuration /token: expected a string, found a number");
  EXPECT_EQ(refusal(R"({"token_file": 1})"), "configuration /token_file: expected a string, found a number");
}

TEST(GrantedSecret, ComesBeforeTheConfiguration) {
  sluice::testing::FakeHost host;
  host.secret("token", "granted").secret("oauth_token", "also granted");
  const Config config = host.config(R"({"token": "old", "token_file": "/nowhere", "oauth": {}})");
  EXPECT_EQ(config.secret("token").get(), "granted");
  EXPECT_EQ(config.secret(config.object("oauth"), "token").get(), "also granted");
  EXPECT_FALSE(config.find_secret("password").has_value());
  EXPECT_EQ(config.host().secret("token"), "granted");
  EXPECT_FALSE(config.host().secret("password").has_value());
}

TEST(GrantedSecret, IsFoundByAHandler) {
  sluice::testing::FakeJob job;
  job.secret("token", std::string("\0binary", 7));
  const auto outcome = job.run([](sluice::Job& running) {
    EXPECT_EQ(running.secret("token"), std::string_view("\0binary", 7));
    EXPECT_FALSE(running.secret("password").has_value());
    return sluice::done();
  });
  EXPECT_EQ(outcome.result, SLUICE_DONE);
  job.extension(SLUICE_EXTENSION_SECRETS, nullptr).run([](sluice::Job& running) {
    EXPECT_FALSE(running.secret("token").has_value()) << "a host without secrets";
    return sluice::done();
  });
}

TEST_F(SecretFile, MayBeInATableAndMayBeAbsent) {
  const Config config = host.config(R"({"oauth": {"token": "abc"}})");
  EXPECT_EQ(config.secret(config.object("oauth"), "token").get(), "abc");
  EXPECT_EQ(config.find_secret(config.object("oauth"), "token")->get(), "abc");
  EXPECT_FALSE(config.find_secret("token").has_value());
  try {
    (void)config.secret(config.object("oauth"), "password");
    FAIL() << "the table has no such secret";
  } catch (const sluice::PermanentError& error) {
    EXPECT_STREQ(
        error.what(),
        "configuration /oauth/password: expected a string, or a file in password_file, found neither");
  }
}

}  // namespace
