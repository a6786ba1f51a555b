// The tables of keys, and the texts that are generated from them or must agree with them.
#include "config/config_key.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <sstream>

#include "base/duration.hpp"

namespace sluice::config {
namespace {

std::string source(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(std::string(SLUICE_SOURCE) + "/" + path).rdbuf();
  return text.str();
}

/// Calls `each(section, key, value)` for every key, with the value of a default-constructed owner.
template <class Each>
void for_each_key(Each each) {
  for (const auto& key : config_keys()) each(key.section, key, key.get(Config{}));
  for (const auto& key : plugin_keys()) each(key.section, key, key.get(PluginSettings{}));
  for (const auto& key : type_keys()) each(key.section, key, key.get(TypeSettings{}));
}

/// The sample with every key uncommented.
Config uncommented_sample() {
  Config config;
  const std::string text =
      std::regex_replace(source("examples/deploy/sluice.toml"), std::regex("(^|\n)#([a-z\\[])"), "$1$2");
  // Setting both url and url_file is refused.
  parse_config(std::regex_replace(text, std::regex("\nurl_file = [^\n]*"), ""), "sample", config);
  return config;
}

TEST(ConfigKey, TheShippedSampleEqualsTheProgramsOutput) {
  EXPECT_EQ(source("examples/deploy/sluice.toml"), sample_config())
      << "update it: build/bin/sluice config sample >examples/deploy/sluice.toml";
}

TEST(ConfigKey, TheShippedSampleChangesNothing) {
  Config config;
  parse_config(source("examples/deploy/sluice.toml"), "sample", config);
  EXPECT_TRUE(config.origins.empty());
}

TEST(ConfigKey, TheSampleHasEveryKeyAtItsDefault) {
  const Config config = uncommented_sample();
  for (const auto& key : config_keys()) {
    const std::string path = key.section + "." + key.name;
    if (path == "database.url_file") continue;
    EXPECT_TRUE(config.origins.contains(path)) << path;
    if (key.example.empty()) {
      EXPECT_EQ(key.get(config), key.get(Config{})) << path;
    }
  }
  for (const auto& key : plugin_keys())
    EXPECT_TRUE(config.origins.contains("plugin.hello." + key.path())) << key.path();
  for (const auto& key : type_keys())
    EXPECT_TRUE(config.origins.contains("type.hello.greet." + key.name)) << key.name;
  EXPECT_EQ(config.plugins.at("hello").slots, PluginSettings{}.slots);
  EXPECT_EQ(config.plugins.at("hello").processes, PluginSettings{}.processes);
}

TEST(ConfigKey, IsSetByItsVariableAndReadBack) {
  Config defaults = uncommented_sample();
  for (const auto& key : config_keys()) {
    const auto value = key.name == "url_file" ? "/run/url" : key.get(defaults);
    std::vector<std::string> variables = key.other_variables;
    variables.push_back(variable_name(key.section, key.name));
    for (const std::string& variable : variables) {
      Config config;
      read_environment({{variable, *value}}, config);
      EXPECT_EQ(key.get(config), value) << variable;
      EXPECT_EQ(config.origins.at(key.section + "." + key.name), variable);
    }
  }
}

TEST(ConfigKey, IsDocumentedWithItsDefaultAndVariables) {
  const std::string page = source("docs/configuration.md");
  std::string section;
  std::istringstream lines(page);
  std::map<std::string, std::string> cells;
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_match(line, match, std::regex(R"re(### \[([a-z]+)(?:\.(?:NAME|"NAME"))?(\.[a-z]+)?\])re")))
      section = std::string(match[1]) + std::string(match[2]);
    if (line.starts_with("## ")) section.clear();
    if (!section.empty() && std::regex_match(line, match, std::regex(R"(\| `([a-z_]+)` \| (.*) \|)"))) {
      cells[section + "." + std::string(match[1])] = match[2];
    }
  }
  for_each_key([&](const std::string& table, const auto& key, const std::optional<std::string>& value) {
    const std::string path = table + "." + key.name;
    ASSERT_TRUE(cells.contains(path)) << path << " is not in docs/configuration.md";
    const std::string row = cells.at(path);
    const std::string stated = row.substr(0, row.find(" |"));
    if (value) {
      EXPECT_EQ(stated, "`" + as_toml(key.kind, *value) + "`") << path;
    } else {
      EXPECT_TRUE(stated == "none" || stated == "the plugin's") << path << " has the default " << stated;
    }
    for (const std::string& variable : key.other_variables) {
      EXPECT_NE(row.find("`" + variable + "`"), std::string::npos) << path << " lacks " << variable;
    }
    cells.erase(path);
  });
  for (const auto& [path, row] : cells) ADD_FAILURE() << "docs/configuration.md has an unknown key: " << path;
}

TEST(Environment, SetsTheTablesOfPluginsAndTypes) {
  Config config;
  parse_config("[plugin.my-mailer]\nslots = 2\n[type.\"a_b.c\"]\n", "sluice.toml", config);
  read_environment({{"SLUICE_PLUGIN_MY_MAILER_SLOTS", "7"},
                    {"SLUICE_PLUGIN_HELLO_CONFIG", R"({"greeting": "Hi"})"},
                    {"SLUICE_PLUGIN_HELLO_LIMITS_RECYCLE_MEMORY", "1.5GiB"},
                    {"SLUICE_TYPE_A_B_C_CONCURRENCY", "3"},
                    {"SLUICE_TYPE_EMAIL_SEND_MAX_ATTEMPTS", "9"},
                    {"SLUICE_PLUGIN_DIR", "/plugins"}},
                   config);
  EXPECT_EQ(config.plugins.at("my-mailer").slots, 7);
  EXPECT_EQ(config.plugins.at("hello").config, R"({"greeting": "Hi"})");
  EXPECT_EQ(config.plugins.at("hello").limits.recycle_memory, 3LL << 29);
  EXPECT_EQ(config.origins.at("plugin.hello.limits.recycle_memory"),
            "SLUICE_PLUGIN_HELLO_LIMITS_RECYCLE_MEMORY");
  EXPECT_EQ(config.types.at("a_b.c").concurrency, 3);
  EXPECT_EQ(config.types.at("email.send").max_attempts, 9);
  EXPECT_EQ(config.plugin_directory, "/plugins");
  EXPECT_EQ(config.plugins.size(), 2U);
  EXPECT_EQ(config.types.size(), 2U);
  EXPECT_EQ(config.origins.at("plugin.my-mailer.slots"), "SLUICE_PLUGIN_MY_MAILER_SLOTS");
}

std::string complaint(const std::map<std::string, std::string>& variables) {
  Config config;
  try {
    read_environment(variables, config);
  } catch (const base::UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(Environment, ReportsAllMistakesTogetherWithoutSecrets) {
  const std::string text = complaint({{"SLUICE_DATABASE_PUMPS", "many"},
                                      {"SLUICE_RUNTIME_LEASE", "soon"},
                                      {"SLUICE_PLUGIN_EMAIL_CONFIG", "{\"password\": \"s3cr3t\""}});
  EXPECT_NE(text.find("SLUICE_DATABASE_PUMPS must be a whole number from 1 to 16, found 'many'"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("SLUICE_RUNTIME_LEASE must be a duration"), std::string::npos) << text;
  EXPECT_NE(text.find("SLUICE_PLUGIN_EMAIL_CONFIG"), std::string::npos) << text;
  EXPECT_EQ(text.find("s3cr3t"), std::string::npos) << text;
}

TEST(Environment, RefusesTwoDatabasesAndPrefersTheRegularName) {
  EXPECT_NE(complaint({{"DATABASE_URL", "x"}, {"DATABASE_URL_FILE", "y"}}).find("keep one"),
            std::string::npos);
  Config config;
  config.database_url_file = "/from/the/file";
  read_environment({{"DATABASE_URL", "for the application"}, {"SLUICE_DATABASE_URL", "for sluice"}}, config);
  EXPECT_EQ(config.database_url, "for sluice");
  EXPECT_EQ(config.database_url_file, "");
}

TEST(Environment, TreatsEmptyAsAbsentAndReportsUnknownVariables) {
  EXPECT_EQ(complaint({{"SLUICE_DATABASE_PUMPS", ""}}), "");
  EXPECT_EQ(unknown_variables({{"SLUICE_DATABASE_PUMP", "1"},
                               {"SLUICE_CONFIG", "x"},
                               {"SLUICE_TABLE", "x"},
                               {"SLUICE_TYPE_A_B_PLUGIN", "x"},
                               {"PATH", "x"}}),
            std::vector<std::string>{"SLUICE_DATABASE_PUMP"});
}

TEST(ConfigKey, EachLimitOfAHostIsShownAsItIsWritten) {
  const Config sample = uncommented_sample();
  const PluginSettings& settings = sample.plugins.at("hello");
  std::vector<std::string> written;
  for (const auto& key : plugin_keys()) {
    if (key.section == "plugin.limits") written.push_back(key.name + " " + key.get(settings).value());
  }
  EXPECT_EQ(job::words_of(settings.limits), written);
  EXPECT_TRUE(job::words_of({}).empty());
}

TEST(Config, RefusesTwoDatabases) {
  Config config;
  EXPECT_THROW(parse_config("[database]\nurl = \"x\"\nurl_file = \"y\"\n", "sluice.toml", config),
               base::UsageError);
}

TEST(Duration, IsWrittenInTheFormThatIsRead) {
  for (const char* text : {"0s", "1ms", "500ms", "30s", "1m30s", "1h", "1d2h3m4s5ms", "0.250ms", "30d"}) {
    EXPECT_EQ(base::write_duration(*base::parse_duration(text)), text);
  }
}

}  // namespace
}  // namespace sluice::config
