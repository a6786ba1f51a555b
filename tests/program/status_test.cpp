// sluice status in another process: running jobs and their progress, outcomes, and plugins.
#include <signal.h>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class StatusOfOthers : public Outbox {
 protected:
  std::string json(const std::string& text, const std::string& path) {
    return database.value("SELECT $1::jsonb #>> $2::text[]", {text, path});
  }
  /// Returns a member of `sluice status --json`.
  std::string told(const std::string& path) { return json(sluice({"status", "--json"}).out, path); }
  bool tells(const std::string& path, const std::string& value) {
    return eventually([&] { return told(path) == value; });
  }
};

TEST_F(StatusOfOthers, ShowsRunningJobsWithTheirLatestProgress) {
  Program program({"run"}, environment());
  insert("silent", "test.probe", probe("wait_cancel"));
  insert("talks", "test.probe", probe("talk", R"(,"fraction":0.42,"note":"page 42 of 100")"));
  ASSERT_TRUE(tells("{running,1,id}", "talks") || told("{running,0,id}") == "talks");
  const Ended status = sluice({"status"});
  EXPECT_TRUE(holds(status.out, "42 %")) << status.out;
  EXPECT_TRUE(holds(status.out, "page 42 of 100")) << status.out;
  EXPECT_TRUE(holds(status.out, "silent")) << "a job without progress must be shown too";
  const std::string job = sluice({"jobs", "show", "talks", "--json"}).out;
  EXPECT_EQ(json(job, "{running,progress}"), "0.42");
  EXPECT_EQ(json(job, "{running,note}"), "page 42 of 100");
  EXPECT_EQ(json(job, "{running,plugin}"), "probe");
  EXPECT_GE(std::stod(json(job, "{running,running_seconds}")), 1.0);
  const std::string text = sluice({"jobs", "show", "talks"}).out;
  EXPECT_TRUE(holds(text, "42 % done: page 42 of 100")) << text;
  ASSERT_EQ(sluice({"jobs", "cancel", "talks", "silent"}).code, 0);
  EXPECT_TRUE(tells("{running}", "[]"));
  EXPECT_TRUE(eventually([&] { return database.value("SELECT count(*) FROM sluice.running") == "0"; }));
}

TEST_F(StatusOfOthers, FrequentProgressReportsHardlySlowAHandler) {
  insert("busy", "test.probe", probe("talk", R"(,"fraction":0.1,"note":"again","times":1000000)"));
  insert("after", "test.probe");
  EXPECT_TRUE(drains());
  EXPECT_EQ(count("status = 'done'"), "2");
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.running"), "0");
}

TEST_F(StatusOfOthers, ShowsThePluginsOfEachRuntimeAndWhyOneIsRefused) {
  const PluginDirectory both({"good/probe", "bad/no_note"});
  auto variables = environment();
  variables["SLUICE_PLUGIN_DIR"] = both.path();
  config =
      scratch.write("two.toml", scratch.read("sluice.toml") + "[plugin.probe]\nprocesses = 2\nslots = 3\n");
  variables["SLUICE_CONFIG"] = config;
  Program program({"run"}, variables);
  ASSERT_TRUE(tells("{runtimes,0,plugins,1,hosts}", "2"));
  const std::string status = sluice({"status", "--json"}).out;
  EXPECT_EQ(json(status, "{runtimes,0,plugins,0,state}"), "refused");
  EXPECT_TRUE(holds(json(status, "{runtimes,0,plugins,0,reason}"), "no_note.so")) << status;
  EXPECT_EQ(json(status, "{runtimes,0,plugins,1,name}"), "probe");
  EXPECT_EQ(json(status, "{runtimes,0,plugins,1,version}"), "1.2.3");
  EXPECT_EQ(json(status, "{runtimes,0,plugins,1,state}"), "ready");
  EXPECT_EQ(json(status, "{runtimes,0,plugins,1,hosts_wanted}"), "2");
  EXPECT_EQ(json(status, "{runtimes,0,plugins,1,slots}"), "6");
  EXPECT_TRUE(holds(json(status, "{runtimes,0,plugins,1,types}"), "\"test.probe\"")) << status;
  EXPECT_TRUE(holds(sluice({"status"}).out, "no_note.so: found")) << "the table must have the reason";
  for (const pid_t host : program.children()) kill(host, SIGKILL);
  EXPECT_TRUE(eventually([&] {
    return told("{runtimes,0,plugins,1,restarts}") == "2" && told("{runtimes,0,plugins,1,hosts}") == "2";
  }));
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0);
  EXPECT_EQ(told("{runtimes}"), "[]");
}

TEST_F(StatusOfOthers, CountsOutcomesOfDrains) {
  insert_many(7, "test.probe");
  insert("bad", "test.probe", probe("fail"));
  insert("again", "test.other", probe("retry", R"(,"after_ms":3600000)"));
  ASSERT_TRUE(drains());
  const std::string status = sluice({"status", "--json"}).out;
  EXPECT_EQ(json(status, "{last_hour,0,type}"), "test.other");
  EXPECT_EQ(json(status, "{last_hour,0,retrying}"), "1.0");
  EXPECT_EQ(json(status, "{last_hour,1,done}"), "7.0");
  EXPECT_EQ(json(status, "{last_hour,1,failed}"), "1.0");
  EXPECT_TRUE(holds(sluice({"status"}).out, "DONE/MIN"));
  const std::string aggregate = sluice({"status", "--since", "1h", "--json"}).out;
  EXPECT_EQ(json(aggregate, "{created}"), "9");
  EXPECT_EQ(json(aggregate, "{created_more}"), "false");
  EXPECT_EQ(json(aggregate, "{outcomes,1,done}"), "7.0");
  const Ended text = sluice({"status", "--since", "1h"});
  EXPECT_TRUE(holds(text.out, "9 jobs were created")) << text.out;
  EXPECT_EQ(sluice({"status", "--since", "yesterday"}).code, 2);
  EXPECT_EQ(sluice({"status", "--since", "0s"}).code, 2);
  EXPECT_TRUE(holds(sluice({"status", "--since", "7d"}).err, "two days"));
}

}  // namespace
}  // namespace sluice::test
