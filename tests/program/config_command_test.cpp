// sluice config, and secrets in files: output, warnings and exit codes.
#include <sys/stat.h>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Whether the table has a line that begins with `key` and ends with `origin`.
bool has_line(const std::string& text, const std::string& key, const std::string& value,
              const std::string& origin) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(key + " ") && holds(line, " " + value + " ") && line.ends_with(" " + origin))
      return true;
  }
  return false;
}

class ConfigCommand : public ::testing::Test {
 protected:
  Ended check(const std::string& text, std::map<std::string, std::string> variables = {},
              std::vector<std::string> more = {}) {
    variables["SLUICE_CONFIG"] = file = scratch.write("sluice.toml", text);
    chmod(file.c_str(), 0600);
    std::vector<std::string> words{"config", "check"};
    words.insert(words.end(), more.begin(), more.end());
    return run(words, variables);
  }

  PluginDirectory plugins{{"good/probe"}};
  Scratch scratch;
  std::string file;
};

TEST_F(ConfigCommand, SaysWhereEachValueComesFrom) {
  const Ended checked = check(
      "[database]\npumps = 2\n\n[log]\nlevel = \"warn\"\n[plugin.probe]\nslots = "
      "3\n[plugin.probe.limits]\nmemory = \"512MB\"\n",
      {{"DATABASE_URL", "postgresql://ada@localhost/app"},
       {"SLUICE_RUNTIME_LEASE", "1m"},
       {"SLUICE_PLUGIN_PROBE_LIMITS_TASKS", "50"},
       {"SLUICE_LOG_LEVEL", "error"}},
      {"--plugins", plugins.path()});
  EXPECT_EQ(checked.code, 0) << checked.out << checked.err;
  EXPECT_TRUE(has_line(checked.out, "database.pumps", "2", file + ":2")) << checked.out;
  EXPECT_TRUE(has_line(checked.out, "runtime.lease", "\"1m\"", "SLUICE_RUNTIME_LEASE")) << checked.out;
  EXPECT_TRUE(has_line(checked.out, "log.level", "\"error\"", "SLUICE_LOG_LEVEL")) << checked.out;
  EXPECT_TRUE(has_line(checked.out, "runtime.heartbeat", "\"5s\"", "default")) << checked.out;
  EXPECT_TRUE(has_line(checked.out, "plugin.probe.slots", "3", file + ":7")) << checked.out;
  EXPECT_TRUE(has_line(checked.out, "plugin.probe.limits.memory", "\"512MB\"", file + ":9")) << checked.out;
  EXPECT_TRUE(has_line(checked.out, "plugin.probe.limits.tasks", "50", "SLUICE_PLUGIN_PROBE_LIMITS_TASKS"))
      << checked.out;
  EXPECT_TRUE(holds(checked.out, "--plugins\n")) << checked.out;
}

TEST_F(ConfigCommand, ShowsNoSecret) {
  const std::string text =
      "[plugin.probe.config]\npassword = \"s3cr3t\"\nheaders = { Authorization = \"s3cr3t\" }\n"
      "target = { url = \"https://ada:s3cr3t@host/x\", port = 1 }\npassword_file = \"/nowhere\"\n";
  for (const bool json : {false, true}) {
    const Ended checked = check(
        text,
        {{"DATABASE_URL", "postgresql://ada:s3cr3t@localhost/app"}, {"SLUICE_PLUGIN_DIR", plugins.path()}},
        json ? std::vector<std::string>{"--json"} : std::vector<std::string>{});
    EXPECT_EQ(checked.code, 0) << checked.out << checked.err;
    EXPECT_FALSE(holds(checked.out + checked.err, "s3cr3t")) << checked.out;
    EXPECT_TRUE(holds(checked.out, "https://ada:***@host/x")) << checked.out;
    EXPECT_TRUE(holds(checked.out, "/nowhere")) << checked.out;
  }
}

TEST_F(ConfigCommand, WarnsOfSettingsWithoutEffect) {
  const Ended checked =
      check("[plugin.porbe]\n[type.\"test.prob\"]\n[type.\"test.probe\"]\nplugin = \"other\"\n",
            {{"DATABASE_URL", "postgresql://localhost/app"},
             {"SLUICE_PLUGIN_DIR", plugins.path()},
             {"SLUICE_DATABASE_PUMP", "2"}});
  EXPECT_EQ(checked.code, 1);
  EXPECT_TRUE(holds(checked.out, "[plugin.porbe] has no effect")) << checked.out;
  EXPECT_TRUE(holds(checked.out, "[type.\"test.prob\"] has no effect")) << checked.out;
  EXPECT_TRUE(holds(checked.out, "assigns the type to the plugin 'other'")) << checked.out;
  EXPECT_TRUE(holds(checked.out, "SLUICE_DATABASE_PUMP has no effect")) << checked.out;
}

TEST_F(ConfigCommand, ChecksEachPluginsConfigurationAgainstItsSchema) {
  const Ended checked =
      check("[retry]\nmax_attempts = 3\n[plugin.hello.config]\ngreeting = []\n",
            {{"DATABASE_URL", "postgresql://localhost/app"}, {"SLUICE_PLUGIN_DIR", SLUICE_EXAMPLE_PLUGINS}});
  EXPECT_EQ(checked.code, 1) << checked.out;
  EXPECT_TRUE(
      holds(checked.out, "sluice.toml:3: the configuration of plugin hello at JSON pointer \"/greeting\""))
      << checked.out;
}

TEST_F(ConfigCommand, WarnsOfSecretsThatEverybodyCanRead) {
  const std::string secret = scratch.write("password", "s3cr3t\n");
  chmod(secret.c_str(), 0644);
  const std::string text = "[plugin.probe.config]\npassword_file = \"" + secret + "\"\n";
  const std::map<std::string, std::string> variables{{"DATABASE_URL", "postgresql://localhost/app"},
                                                     {"SLUICE_PLUGIN_DIR", plugins.path()}};
  EXPECT_TRUE(holds(check(text, variables).out, "'" + secret + "' holds a secret but is world-readable"));
  chmod(secret.c_str(), 0640);
  EXPECT_EQ(check(text, variables).code, 0);
}

TEST_F(ConfigCommand, ExitsWithTwoIfTheConfigurationCannotBeUsed) {
  EXPECT_EQ(check("[database]\npump = 2\n").code, 2);
  EXPECT_EQ(check("# none\n", {{"DATABASE_URL", "postgresql://host:port:9/app"}}).code, 2);
  EXPECT_EQ(check("# none\n", {{"SLUICE_RUNTIME_LEASE", "1s"}}).code, 2);
  EXPECT_EQ(check("[database]\nurl_file = \"/nowhere\"\n").code, 2);
}

TEST_F(ConfigCommand, PrintsAValidSample) {
  const Ended sample = run({"config", "sample"});
  EXPECT_EQ(sample.code, 0);
  const Ended checked =
      check(sample.out, {{"DATABASE_URL", "postgresql://localhost/app"}}, {"--plugins", plugins.path()});
  EXPECT_EQ(checked.code, 0) << checked.out << checked.err;
}

using SecretFile = Outbox;

TEST_F(SecretFile, NamesTheDatabase) {
  const std::string file = scratch.write("url", database.url() + "\nmore\n");
  chmod(file.c_str(), 0600);
  const Ended status = run({"status"}, {{"DATABASE_URL_FILE", file}});
  EXPECT_EQ(status.code, 0) << status.err;
  EXPECT_EQ(status.err, "");
  chmod(file.c_str(), 0644);
  Program program({"run"}, {{"SLUICE_DATABASE_URL_FILE", file}, {"SLUICE_PLUGIN_DIR", plugins.path()}});
  EXPECT_TRUE(program.says("'" + file + "' holds a secret but is world-readable")) << program.err();
  const std::string configuration = scratch.write("other.toml", "[database]\nurl_file = \"" + file + "\"\n");
  EXPECT_EQ(run({"status", "--config", configuration}).code, 0);
  EXPECT_EQ(run({"status", "--config", configuration, "--database-url", "postgresql://127.0.0.1:1/x"}).code,
            1);
}

}  // namespace
}  // namespace sluice::test
