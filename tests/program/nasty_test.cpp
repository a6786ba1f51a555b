// Plugins that spoil their own process, each beside a healthy one under load: the healthy one's jobs are all
// done in their first attempt, the outcome of the nasty one says what happened, its plugin serves on, and the
// runtime stays alive and small.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

struct Vice {
  const char* name;
  const char* status;  ///< of its job at the end
  const char* code;    ///< of its attempt; "": none is recorded; "a or b": either, by which limit comes first
  const char* words;   ///< of its attempt's error
};

void PrintTo(const Vice& vice, std::ostream* out) {
  *out << vice.name;
}

/// "VmHWM", in kB
long peak_of(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(file, line);) {
    long peak = 0;
    if (std::sscanf(line.c_str(), "VmHWM: %ld", &peak) == 1) return peak;
  }
  return -1;
}

class NastyPlugin : public Outbox, public testing::WithParamInterface<Vice> {
 protected:
  std::map<std::string, std::string> surroundings() const {
    auto all = environment();
    all["SLUICE_PLUGIN_DIR"] = directory.path();
    return all;
  }
  /// Of the healthy plugin.
  void load(const std::string& prefix) {
    database.value(
        R"(WITH made AS (INSERT INTO "Outbox" (id, type, payload, "updatedAt")
             SELECT $1 || i, 'test.probe', '{"do": "sleep", "ms": 2}', now() FROM generate_series(1, 100) i
             RETURNING 1) SELECT count(*) FROM made)",
        {prefix});
  }
  std::string code(const std::string& id) {
    return database.value(
        "SELECT coalesce((SELECT code FROM sluice.attempt WHERE job_id = $1 ORDER BY at DESC LIMIT 1), '')",
        {id});
  }

  PluginDirectory directory{{"good/probe", "bad/nasty"}};
  std::string limited =
      scratch.write("limited.toml", scratch.read("sluice.toml") +
                                        "drain_timeout = \"200ms\"\ncancel_grace = \"200ms\"\n"
                                        "[type.\"test.nasty\"]\nmax_attempts = 1\n"
                                        "timeout = \"1s\"\n");
};

// A sanitizer finds it before the C library does, and ends the process in its own way.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr const char* heap_words = "while this job ran";
#else
constexpr const char* heap_words = "signal 6";
#endif

TEST_P(NastyPlugin, CostsNobodyElseAnything) {
  constexpr long most_kb = 100'000;
  const Vice& vice = GetParam();
  Program runtime({"run", "--config", limited}, surroundings());
  load("before-");
  insert("it", "test.nasty", std::string(R"({"do":")") + vice.name + R"("})");
  load("beside-");
  EXPECT_TRUE(becomes("it", vice.status)) << status("it") << ":\n" << runtime.err();
  if (std::string(vice.code).find(" or ") == std::string::npos) {
    EXPECT_EQ(code("it"), vice.code);
  } else {
    EXPECT_THAT(vice.code, testing::HasSubstr(code("it")));
    EXPECT_NE(code("it"), "");
  }
  if (*vice.words != '\0') {
    EXPECT_THAT(error("it"), testing::HasSubstr(vice.words));
  }
  insert("next", "test.nasty");
  EXPECT_TRUE(becomes("next", "done")) << "its plugin serves on: " << error("next") << "\n" << runtime.err();
  load("after-");
  EXPECT_TRUE(eventually([&] { return count("type = 'test.probe' AND status = 'done'") == "300"; }))
      << runtime.err();
  EXPECT_EQ(count("type = 'test.probe' AND attempts = 1"), "300");
  EXPECT_TRUE(runtime.running());
  EXPECT_LT(peak_of(runtime.pid()), most_kb);
  runtime.signal(SIGTERM);
  EXPECT_EQ(runtime.wait(30), 0) << runtime.err();
}

INSTANTIATE_TEST_SUITE_P(
    Of, NastyPlugin,
    testing::Values(Vice{"close_descriptors", "done", "", ""}, Vice{"replace_descriptors", "done", "", ""},
                    Vice{"swap_descriptors", "error", "timeout", "did not stop"},
                    Vice{"random_frames", "error", "host-died", "sent a frame"},
                    Vice{"scribble", "error", "host-died", "signal 9"},
                    Vice{"unmap", "error", "host-died", "signal 11"},
                    Vice{"change_everything", "done", "", ""}, Vice{"storm", "done", "", ""},
                    Vice{"fault_for_ever", "error", "timeout", "did not stop"},
                    Vice{"exit_thread", "error", "host-died", ""},
                    Vice{"exec", "error", "timeout", "did not stop"}, Vice{"fork_and_return", "done", "", ""},
                    Vice{"fork_many", "done", "", ""}, Vice{"spoil_heap", "error", "host-died", heap_words},
                    Vice{"throw_twice", "error", "host-died", "signal 6"},
                    Vice{"use_up_time", "error", "timeout or host-died", ""},
                    Vice{"deep_output", "done", "", ""}, Vice{"nul_output", "done", "", ""},
                    Vice{"odd_number", "done", "", ""}, Vice{"lone_surrogate", "error", "bad-output", ""}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace sluice::test
