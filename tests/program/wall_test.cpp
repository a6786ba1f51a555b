// Plugins that attack other processes of their user, and plugins that are careless, beside a healthy one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <string>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

using testing::HasSubstr;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;  // it catches signals, and ends the process in its own way
#else
constexpr bool sanitized = false;
#endif

bool signals_are_scoped() {
  return syscall(SYS_landlock_create_ruleset, nullptr, 0, 1) >= 6;
}

class Wall : public Outbox {
 protected:
  std::map<std::string, std::string> surroundings() const {
    auto all = environment();
    all["SLUICE_PLUGIN_DIR"] = directory.path();
    return all;
  }
  std::string code(const std::string& id) {
    return database.value(
        "SELECT coalesce((SELECT code FROM sluice.attempt WHERE job_id = $1 ORDER BY at DESC LIMIT 1), '')",
        {id});
  }
  /// By the plugin "raider". The attacks that were allowed. Root may read environments by CAP_PERFMON.
  std::string raid(pid_t victim) {
    const std::string id = "raid-" + std::to_string(victim);
    insert(id, "test.raid", R"({"victim":)" + std::to_string(victim) + "}");
    EXPECT_TRUE(becomes(id, "done")) << error(id);
    return database.value(
        "SELECT coalesce(string_agg(key, ' '), 'none') FROM sluice.output, jsonb_each_text(output::jsonb) "
        "WHERE job_id = $1 AND value = 'allowed' AND key <> 'kill_by_a_pipe' "
        "AND (key <> 'read_environment' OR NOT $2::bool)",
        {id, geteuid() == 0 ? "true" : "false"});
  }

  PluginDirectory directory{{"good/probe", "bad/raider", "bad/reckless"}};
};

TEST_F(Wall, NoPluginReachesTheRuntimeOrTheHostOfAnotherPlugin) {
  Program runtime({"run"}, surroundings());
  for (const char* type : {"test.probe", "test.raid", "test.reckless"}) insert(type, type);
  for (const char* type : {"test.probe", "test.raid", "test.reckless"})
    ASSERT_TRUE(becomes(type, "done")) << runtime.err();
  EXPECT_EQ(raid(runtime.pid()), "none");
  const std::vector<pid_t> hosts = runtime.children();
  ASSERT_EQ(hosts.size(), 3U);
  for (const pid_t host : hosts) {
    if (!signals_are_scoped()) break;
    EXPECT_EQ(raid(host), "none") << "it attacks no host of its own plugin";
  }
  EXPECT_TRUE(runtime.running());
  EXPECT_EQ(runtime.children(), hosts) << runtime.err();
  insert("floods", "test.reckless", R"({"do":"queue_signals"})");
  ASSERT_TRUE(becomes("floods", "done")) << runtime.err();
  const Ended asked = sluice({"reload", "--canary", "5%", "--wait"});
  EXPECT_EQ(asked.code, 0) << "signals that wait for a host must leave room for the runtime's: " << asked.err;
}

struct Deed {
  const char* name;
  const char* status;  ///< of its job at the end
  const char* code;    ///< of its attempt; "": none is recorded
  const char* words;   ///< of its attempt's error
};

const Deed deeds[] = {
    {"jump_out_of_a_handler", "done", "", ""},
    {"exit_thread_in_a_handler", "error", "host-died", "signal 6"},
    {"exit_in_a_handler", "error", "host-died", "ended with exit status 0"},
    {"set_an_alarm", "error", "host-died", "signal 14"},
    {"write_to_a_broken_pipe", "error", "host-died", "signal 13"},
    {"block_all_signals", "error", "timeout", "did not stop"},
    {"queue_signals", "done", "", ""},
    {"cancel_itself", "error", "host-died", "signal 6"},
    {"outlive_its_job", "done", "", ""},
    {"share_its_job", "done", "", ""},
    {"crash_in_a_late_thread", "done", "", ""},
    {"hang_at_the_end_of_its_thread", "done", "", ""},
    {"crash_at_the_end_of_its_thread", "done", "", ""},
    {"throw_a_number", "error", "exception", ""},
    {"throw_unknown", "error", "exception", ""},
    {"throw_in_noexcept", "error", "host-died", "signal 6"},
    {"run_out_of_memory", "error", "out-of-memory", ""},
    {"hang_in_an_exit_handler", "error", "timeout", "did not stop"},
    {"crash_in_an_exit_handler", "error", "host-died", "signal 11"},
    {"hang_in_a_static_destructor", "done", "", ""},
    {"open_itself", "done", "", ""},
    {"close_itself", "error", "host-died", "signal 11"},
    {"unmap_the_c_library", "error", "host-died", "signal 11"},
    {"unmap_its_stack", "error", "host-died", "signal 11"},
    {"filter_its_host", "done", "", ""},
    {"keep_all_descriptors", "done", "", ""},
    {"watch_files", "done", "", ""},
    {"pass_descriptors", "error", "timeout", "did not stop"},
    {"read_input", "done", "", ""},
    {"open_a_fifo", "error", "timeout", "did not stop"},
    {"report_nonsense", "done", "", ""},
};

TEST_F(Wall, CarelessPluginsCostNobodyElseAnything) {
  config = scratch.write("limited.toml", scratch.read("sluice.toml") +
                                             "drain_timeout = \"200ms\"\ncancel_grace = \"100ms\"\n"
                                             "[type.\"test.reckless\"]\nmax_attempts = 1\n"
                                             "timeout = \"200ms\"\n");
  for (const Deed& deed : deeds) {
    const std::string id = deed.name;
    insert(id, "test.reckless", R"({"do":")" + id + R"(","file":")" + scratch.path(id) + R"("})");
    insert("healthy-" + id, "test.probe");
    insert("next-" + id, "test.reckless");
    const auto begin = std::chrono::steady_clock::now();
    const Ended drain = run({"drain"}, surroundings());
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(sanitized ? 30 : 10)) << id;
    EXPECT_EQ(drain.code, 0) << id << ":\n" << drain.err;
    EXPECT_EQ(status(id), deed.status) << id << ": " << error(id) << "\n" << drain.err;
    EXPECT_EQ(count("id = 'healthy-" + id + "' AND status = 'done' AND attempts = 1"), "1") << drain.err;
    EXPECT_EQ(status("next-" + id), "done") << id << ": " << error("next-" + id) << "\n" << drain.err;
    if (sanitized) continue;
    EXPECT_EQ(code(id), deed.code) << id;
    if (*deed.words != '\0') {
      EXPECT_THAT(error(id), HasSubstr(deed.words)) << id;
    }
  }
}

}  // namespace
}  // namespace sluice::test
