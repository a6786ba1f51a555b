#include "config/config.hpp"

#include <gtest/gtest.h>

namespace sluice::config {
namespace {

std::string complaint(std::string_view text) {
  Config config;
  try {
    parse_config(text, "sluice.toml", config);
    check_config(config);
  } catch (const base::UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(Config, ReadsEveryKey) {
  Config config;
  parse_config(R"(
[database]
url = "postgresql://localhost/app"
table = "jobs.outbox"
pumps = 3
wake = false
[plugins]
directory = "/usr/lib/sluice/plugins"
start_timeout = "4s"
[retry]
max_attempts = 7
backoff_first = "1s"
backoff_cap = "2h"
[runtime]
batch_max = 100
poll_interval = "50ms"
drain_timeout = "1m"
cancel_grace = "2s"
heartbeat = "1s"
lease = "10s"
[retention]
done = "30d"
error = "90d"
[log]
level = "debug"
format = "json"
[plugin.email]
processes = 2
slots = 8
config = { host = "localhost", port = 25 }
[type."email.send"]
plugin = "email"
max_attempts = 9
concurrency = 5
backoff_first = "3s"
backoff_cap = "4s"
)",
               "sluice.toml", config);
  EXPECT_EQ(config.database_url, "postgresql://localhost/app");
  EXPECT_EQ(config.table, "jobs.outbox");
  EXPECT_EQ(config.pumps, 3);
  EXPECT_FALSE(config.wake);
  EXPECT_EQ(config.plugin_directory, "/usr/lib/sluice/plugins");
  EXPECT_EQ(config.start_timeout, std::chrono::seconds(4));
  EXPECT_EQ(config.max_attempts, 7);
  EXPECT_EQ(config.backoff_first, std::chrono::seconds(1));
  EXPECT_EQ(config.backoff_cap, std::chrono::hours(2));
  EXPECT_EQ(config.batch_max, 100);
  EXPECT_EQ(config.poll_interval, std::chrono::milliseconds(50));
  EXPECT_EQ(config.drain_timeout, std::chrono::minutes(1));
  EXPECT_EQ(config.cancel_grace, std::chrono::seconds(2));
  EXPECT_EQ(config.heartbeat, std::chrono::seconds(1));
  EXPECT_EQ(config.lease, std::chrono::seconds(10));
  EXPECT_EQ(config.keep_done, std::chrono::hours(24 * 30));
  EXPECT_EQ(config.keep_error, std::chrono::hours(24 * 90));
  EXPECT_EQ(config.log_level, log::Level::debug);
  EXPECT_EQ(config.log_format, log::Format::json);
  EXPECT_EQ(config.plugins.at("email").processes, 2);
  EXPECT_EQ(config.plugins.at("email").slots, 8);
  EXPECT_NE(config.plugins.at("email").config.find("\"host\""), std::string::npos);
  EXPECT_EQ(config.types.at("email.send").plugin, "email");
  EXPECT_EQ(config.types.at("email.send").max_attempts, 9);
  EXPECT_EQ(config.types.at("email.send").concurrency, 5);
  EXPECT_EQ(config.types.at("email.send").backoff_first, std::chrono::seconds(3));
  EXPECT_EQ(config.types.at("email.send").backoff_cap, std::chrono::seconds(4));
}

TEST(Config, ReportsAllMistakesTogetherWithTheirLines) {
  const std::string text = complaint(
      "[database]\n"
      "tabel = \"x\"\n"
      "pumps = \"two\"\n"
      "[log]\n"
      "level = \"loud\"\n"
      "[plugin.email]\n"
      "slots = 0\n"
      "[retry]\n"
      "backoff_first = \"soon\"\n"
      "[typo]\n");
  EXPECT_NE(
      text.find(
          "sluice.toml:2: unknown key 'database.tabel'; known here: direct_url pumps table url url_file"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("sluice.toml:3: 'database.pumps' must be a whole number from 1 to 16, found"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("sluice.toml:5: 'log.level' must be one of"), std::string::npos) << text;
  EXPECT_NE(text.find("sluice.toml:7: 'plugin.email.slots' must be a whole number from 1 to 256, found 0"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("sluice.toml:9: 'retry.backoff_first' must be a duration"), std::string::npos) << text;
  EXPECT_NE(text.find("sluice.toml:10: unknown key 'typo'"), std::string::npos) << text;
}

TEST(Config, ReadsTheLimitsOfAPluginsHosts) {
  Config config;
  parse_config(
      "[plugin.email]\nslots = 2\n[plugin.email.limits]\nmemory = \"512MB\"\ntasks = 40\ncore = \"0\"\n"
      "recycle_age = \"1h\"\n",
      "sluice.toml", config);
  job::HostLimits limits;
  limits.memory = 512'000'000;
  limits.tasks = 40;
  limits.core = 0;
  limits.recycle_age = std::chrono::hours(1);
  EXPECT_EQ(config.plugins.at("email").limits, limits);
  EXPECT_EQ(config.plugins.at("email").slots, 2);
  EXPECT_EQ(config.origins.at("plugin.email.limits.tasks"), "sluice.toml:5");
}

TEST(Config, RefusesInvalidLimitsWithTheirLines) {
  const std::string text = complaint(
      "[plugin.email.limits]\nmemory = \"512 MBs\"\nfile_size = \"-1MB\"\nopen_files = -5\nnice = 20\n"
      "recycle_memory = \"1MB\"\nrecycle_jobs = \"many\"\nmemmory = \"1GB\"\n[plugin.hello]\nlimits = 7\n");
  for (const char* line :
       {"sluice.toml:2: 'plugin.email.limits.memory' must be a size with its unit, such as \"64kB\", "
        "\"512MB\" or \"1.5GiB\", at least 32MB, found '512 MBs'",
        "sluice.toml:3: 'plugin.email.limits.file_size' must be a size",
        "sluice.toml:4: 'plugin.email.limits.open_files' must be a whole number from 32 to 1048576, found -5",
        "sluice.toml:5: 'plugin.email.limits.nice' must be a whole number from 0 to 19, found 20",
        "sluice.toml:6: 'plugin.email.limits.recycle_memory' must be a size",
        "sluice.toml:7: 'plugin.email.limits.recycle_jobs' must be a whole number",
        "sluice.toml:8: unknown key 'plugin.email.limits.memmory'; known here: core cpus file_size "
        "io_priority memory nice",
        "sluice.toml:10: 'plugin.hello.limits' must be a table, found 7"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\nin:\n" << text;
  }
}

TEST(Config, ReportsTheLineOfInvalidToml) {
  EXPECT_NE(complaint("[database]\nurl = \n").find("sluice.toml:2: invalid TOML"), std::string::npos);
}

TEST(Config, RefusesALeaseShorterThanThreeHeartbeats) {
  const std::string text = complaint("[runtime]\nheartbeat = \"2s\"\nlease = \"5s\"\n");
  EXPECT_NE(text.find("'runtime.lease' (5s) must be at least three times 'runtime.heartbeat' (2s)"),
            std::string::npos)
      << text;
}

TEST(Config, RefusesDurationsThatAreTooShort) {
  EXPECT_NE(complaint("[runtime]\nheartbeat = \"0s\"\nlease = \"0s\"\n").find("at least 100 ms"),
            std::string::npos);
  EXPECT_NE(complaint("[runtime]\npoll_interval = \"0s\"\n").find("'runtime.poll_interval'"),
            std::string::npos);
}

TEST(Config, AcceptsAnEmptyFile) {
  EXPECT_EQ(complaint(""), "");
}

TEST(Config, ReportsAnUnreadableFile) {
  Config config;
  EXPECT_THROW(read_config("/nowhere/sluice.toml", config), base::UsageError);
}

}  // namespace
}  // namespace sluice::config
