#include "http/metrics.hpp"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

struct Metrics : testing::Test {
  Metrics() {
    engine::PluginObservation plugin;
    plugin.name = "mail";
    plugin.state = "ready";
    plugin.types = {"email.send"};
    plugin.hosts = {{"ready", 2}, {"down", 0}};
    plugin.slots = 8;
    plugin.cpu_seconds = 1.5;
    plugin.resident_bytes = 4096;
    plugin.oldest_host_age = 60;
    plugin.killed_orphans = 3;
    measured.loop.emplace();
    measured.loop->plugins.push_back(plugin);
    measured.depths.happened = true;
  }
  /// The value of a sample; "none" if it is absent.
  std::string sample(const std::string& name) const {
    const std::string text = "\n" + metrics_text(measured);
    const std::size_t at = text.find("\n" + name + " ");
    if (at == std::string::npos) return "none";
    const std::size_t begin = at + name.size() + 2;
    return text.substr(begin, text.find('\n', begin) - begin);
  }

  Measured measured;
};

TEST_F(Metrics, HaveZerosForTypesThatHaveNotRunYet) {
  EXPECT_EQ(sample(R"(sluice_jobs_finished_total{type="email.send",outcome="done"})"), "0");
  EXPECT_EQ(sample(R"(sluice_job_failures_total{type="email.send",cause="crashed"})"), "0");
  EXPECT_EQ(sample(R"(sluice_queue_jobs{type="email.send",status="pending"})"), "0");
  EXPECT_EQ(sample(R"(sluice_job_duration_seconds_count{type="email.send"})"), "0");
}

TEST_F(Metrics, CountBucketsCumulatively) {
  engine::TypeSummary& summary = measured.types["email.send"];
  for (const double seconds : {0.00005, 0.02, 0.02, 5000.0}) summary.seconds.add(seconds);
  const auto bucket = [&](const std::string& bound) {
    return sample("sluice_job_duration_seconds_bucket{type=\"email.send\",le=\"" + bound + "\"}");
  };
  EXPECT_EQ(bucket("0.01"), "1");
  EXPECT_EQ(bucket("0.025"), "3");
  EXPECT_EQ(bucket("900"), "3");
  EXPECT_EQ(bucket("+Inf"), "4");
  EXPECT_EQ(sample("sluice_job_duration_seconds_count{type=\"email.send\"}"), "4");
}

TEST_F(Metrics, CombineTypesThatNoPluginServes) {
  measured.depths.depths = {{"email.send", "pending", 3, 12.5},
                            {"made.up1", "pending", 4, 99},
                            {"made.up2", "pending", 5, 7},
                            {"made.up2", "error", 1, 7}};
  EXPECT_EQ(sample(R"(sluice_queue_jobs{type="email.send",status="pending"})"), "3");
  EXPECT_EQ(sample("sluice_queue_jobs{type=\"(other)\",status=\"pending\"}"), "9");
  EXPECT_EQ(sample("sluice_queue_jobs{type=\"(other)\",status=\"error\"}"), "1");
  EXPECT_EQ(sample(R"(sluice_queue_oldest_pending_seconds{type="email.send"})"), "12.5");
  EXPECT_EQ(sample("sluice_queue_oldest_pending_seconds{type=\"(other)\"}"), "99");
  EXPECT_EQ(metrics_text(measured).find("made.up"), std::string::npos);
}

TEST_F(Metrics, OmitTheOutboxIfItCouldNotBeCounted) {
  measured.depths.problem = "connection refused";
  EXPECT_EQ(metrics_text(measured).find("sluice_queue"), std::string::npos);
  measured.database_up = false;
  EXPECT_EQ(sample("sluice_database_up"), "0");
}

TEST_F(Metrics, ShowThePluginsAndTheirHosts) {
  engine::PluginObservation refused;
  refused.path = "/plugins/x.so";
  refused.state = "refused";
  measured.loop->plugins.push_back(refused);
  EXPECT_EQ(sample(R"(sluice_plugins{state="ready"})"), "1");
  EXPECT_EQ(sample(R"(sluice_plugins{state="refused"})"), "1");
  EXPECT_EQ(sample(R"(sluice_plugins{state="broken"})"), "0");
  EXPECT_EQ(sample(R"(sluice_hosts{plugin="mail",state="ready"})"), "2");
  EXPECT_EQ(sample(R"(sluice_slots{plugin="mail"})"), "8");
  EXPECT_EQ(sample(R"(sluice_host_cpu_seconds_total{plugin="mail"})"), "1.5");
  EXPECT_EQ(sample(R"(sluice_host_resident_memory_bytes{plugin="mail"})"), "4096");
  EXPECT_EQ(sample(R"(sluice_host_oldest_age_seconds{plugin="mail"})"), "60");
  EXPECT_EQ(sample(R"(sluice_host_orphans_killed_total{plugin="mail"})"), "3");
}

TEST_F(Metrics, CountTheJobsOfACanary) {
  EXPECT_EQ(sample(R"(sluice_canary_share{plugin="mail"})"), "0");
  measured.loop->plugins[0].canary = fleet::CanaryReport{"2.1", 0.05, 200, 14, ""};
  EXPECT_EQ(sample(R"(sluice_canary_share{plugin="mail"})"), "0.05");
  EXPECT_EQ(sample(R"(sluice_canary_jobs{plugin="mail",outcome="done"})"), "186");
  EXPECT_EQ(sample(R"(sluice_canary_jobs{plugin="mail",outcome="failed"})"), "14");
}

TEST_F(Metrics, OmitTheHostsIfTheEventLoopHangs) {
  measured.loop.reset();
  measured.types["email.send"].done = 7;
  EXPECT_EQ(sample(R"(sluice_jobs_finished_total{type="email.send",outcome="done"})"), "7");
  EXPECT_EQ(metrics_text(measured).find("sluice_hosts"), std::string::npos);
}

TEST(ProcessUsage, IsOfThisProcess) {
  const auto usage = process_usage();
  ASSERT_TRUE(usage);
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_GT(usage->start_time, now - 3600);
  EXPECT_LT(usage->start_time, now + 2);
  EXPECT_GT(usage->resident_bytes, 1e5);
  EXPECT_GT(usage->virtual_bytes, usage->resident_bytes);
  EXPECT_GE(usage->open_files, 3);
  EXPECT_GE(usage->most_files, usage->open_files);
}

}  // namespace
}  // namespace sluice::http
