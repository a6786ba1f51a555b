// sluice plugin install, rollback and docs.
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <algorithm>

#include "support/program.hpp"

namespace sluice::test {
namespace {

/// A plugin directory, and files to install beside it.
struct PluginInstall : testing::Test {
  Scratch directory;
  PluginDirectory files{{"good/c_plugin", "good/probe", "bad/extra_symbol", "bad/duplicate", "bad/no_note"}};

  Ended plugin(std::vector<std::string> words) const {
    words.insert(words.begin(), "plugin");
    words.insert(words.end(), {"--plugins", directory.path()});
    return run(words);
  }
  Ended install(const std::string& name) const { return plugin({"install", files.path() + "/" + name}); }
  std::string listed() const { return plugin({"list"}).out; }

  /// A copy of c_plugin.so with another version.
  void make_newer() const {
    std::string bytes = files.scratch().read("c_plugin.so");
    const std::size_t at = bytes.find("1.0.0");
    ASSERT_NE(at, std::string::npos);
    files.scratch().write("c_plugin.so", bytes.replace(at, 5, "2.0.0"));
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : std::filesystem::directory_iterator(directory.path()))
      all.push_back(entry.path().filename().string());
    std::sort(all.begin(), all.end());
    return all;
  }
};

using Names = std::vector<std::string>;

TEST_F(PluginInstall, PutsAValidFileIntoTheDirectory) {
  const Ended ended = install("c_plugin.so");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_NE(ended.out.find("c_plugin.so: c-plugin 1.0.0\n"), std::string::npos) << ended.out;
  EXPECT_EQ(names(), Names({"c_plugin.so"}));
  EXPECT_NE(listed().find("test.c"), std::string::npos);
}

TEST_F(PluginInstall, KeepsTheFormerFileWhichIsNotLoaded) {
  ASSERT_EQ(install("c_plugin.so").code, 0);
  make_newer();
  const Ended ended = install("c_plugin.so");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_NE(ended.out.find("c-plugin 2.0.0, replacing c-plugin 1.0.0"), std::string::npos) << ended.out;
  EXPECT_EQ(names(), Names({"c_plugin.so", "c_plugin.so.former"}));
  const Ended list = plugin({"list"});
  EXPECT_EQ(list.code, 0) << list.out;
  EXPECT_NE(list.out.find("2.0.0"), std::string::npos) << list.out;
  EXPECT_EQ(list.out.find("1.0.0"), std::string::npos) << list.out;
}

TEST_F(PluginInstall, RollsBackAndForth) {
  ASSERT_EQ(install("c_plugin.so").code, 0);
  const Ended nothing = plugin({"rollback", "c_plugin"});
  EXPECT_EQ(nothing.code, 1);
  EXPECT_NE(nothing.err.find("no former file"), std::string::npos) << nothing.err;
  make_newer();
  ASSERT_EQ(install("c_plugin.so").code, 0);
  const Ended back = plugin({"rollback", "c-plugin"});  // by the plugin's name
  EXPECT_EQ(back.code, 0) << back.err;
  EXPECT_NE(back.out.find("is c-plugin 1.0.0 again; c-plugin 2.0.0 is kept"), std::string::npos) << back.out;
  EXPECT_NE(listed().find("1.0.0"), std::string::npos);
  EXPECT_EQ(plugin({"rollback", "c_plugin"}).code, 0);
  EXPECT_NE(listed().find("2.0.0"), std::string::npos);
  EXPECT_EQ(names(), Names({"c_plugin.so", "c_plugin.so.former"}));
}

TEST_F(PluginInstall, RefusesAFaultyFileAndLeavesNothingBehind) {
  const Ended ended = install("extra_symbol.so");
  EXPECT_EQ(ended.code, 1);
  EXPECT_NE(ended.err.find("exports: exports 1 symbol"), std::string::npos) << ended.err;
  EXPECT_NE(ended.err.find("→ build it with"), std::string::npos) << ended.err;
  EXPECT_EQ(install("no_note.so").code, 1);
  EXPECT_EQ(names(), Names());
}

TEST_F(PluginInstall, RefusesAConflictWithOtherPlugins) {
  ASSERT_EQ(install("probe.so").code, 0);
  std::filesystem::rename(directory.path("probe.so"), directory.path("other.so"));
  const Ended twice = install("probe.so");
  EXPECT_EQ(twice.code, 1);
  EXPECT_NE(twice.err.find("other.so also has the plugin name 'probe'"), std::string::npos) << twice.err;
  EXPECT_EQ(names(), Names({"other.so"}));
}

TEST_F(PluginInstall, WithInvalidArgumentsExitsWith2) {
  EXPECT_EQ(run({"plugin", "install", files.path() + "/probe.so"}).code, 2)
      << "no plugin directory is configured";
  EXPECT_EQ(plugin({"install", files.scratch().write("probe.txt", "")}).code, 2);
  EXPECT_EQ(plugin({"rollback", "nobody"}).code, 2);
  EXPECT_EQ(plugin({"install"}).code, 2);
  const Ended missing = install("nowhere.so");
  EXPECT_EQ(missing.code, 1);
  EXPECT_NE(missing.err.find("nowhere.so"), std::string::npos) << missing.err;
  const Ended nowhere =
      run({"plugin", "install", files.path() + "/probe.so", "--plugins", directory.path("none")});
  EXPECT_EQ(nowhere.code, 2);
  EXPECT_NE(nowhere.err.find("the plugin directory " + directory.path("none") + " does not exist; create it"),
            std::string::npos)
      << nowhere.err;
}

TEST(PluginDocs, DescribesTypesFieldsExamplesAndDefaults) {
  const PluginDirectory plugins({"good/probe", "good/c_plugin", "bad/no_note"});
  const Ended docs = run({"plugin", "docs", plugins.path()});
  EXPECT_EQ(docs.code, 1) << "a plugin was refused";
  EXPECT_NE(docs.err.find("no_note.so: found"), std::string::npos) << docs.err;
  for (const char* part :
       {"# Job types\n", "| `test.c` | A type in C | c-plugin |", "## probe 1.2.3\n", "### `test.strict`\n",
        "| `to` | text, like `^[^@ ]+@[^@ ]+$` | yes |", "| `count` | a whole number, from 1, up to 10 |  |",
        "No other fields are allowed.", "\"to\": \"ada@example.com\"", "| attempts in all | 2 |",
        "| wait before the next | 10 ms, doubled up to 40 ms |", "| after a crash | not run again"}) {
    EXPECT_NE(docs.out.find(part), std::string::npos) << "missing '" << part << "' in:\n" << docs.out;
  }
}

TEST(PluginDocs, AreReproducible) {
  const PluginDirectory plugins({"good/probe", "good/c_plugin"});
  const PluginDirectory others({"good/c_plugin", "good/probe"});
  const Ended docs = run({"plugin", "docs", plugins.path()});
  EXPECT_EQ(docs.code, 0) << docs.err;
  EXPECT_EQ(docs.out, run({"plugin", "docs", others.path()}).out);
}

}  // namespace
}  // namespace sluice::test
