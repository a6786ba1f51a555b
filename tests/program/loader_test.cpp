// Every fault of a plugin file: the refusal names the file, what was found, what was expected and what to do.
// The plugin beside it still works.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "support/program.hpp"
#include "support/test_database.hpp"

namespace sluice::test {
namespace {

/// A configuration with a short time limit for plugins that hang, and a long one for others on a busy
/// machine.
std::string config_for(const std::string& file, const Scratch& scratch) {
  const bool hangs = file.find("hang_") != std::string::npos;
  return scratch.write("limits.toml",
                       std::string("[plugins]\nstart_timeout = \"") + (hangs ? "4s" : "60s") + "\"\n");
}

struct Bad {
  const char* file;
  const char* found;
  const char* expected;
};
std::ostream& operator<<(std::ostream& out, const Bad& bad) {
  return out << bad.file;
}

/// Checks the output of `plugin list` for a directory with `bad` beside the good c_plugin.
Ended list(const PluginDirectory& plugins, const std::string& bad = "") {
  return run({"plugin", "list", "--plugins", plugins.path(), "--config", config_for(bad, plugins.scratch())});
}

void expect_refusal(const Ended& listed, const std::string& file, const std::string& found,
                    const std::string& expected) {
  EXPECT_EQ(listed.code, 1);
  const std::size_t at = listed.out.find("refused:\n");
  ASSERT_NE(at, std::string::npos) << listed.out << listed.err;
  const std::string refusals = listed.out.substr(at);
  for (const std::string& part :
       std::vector<std::string>{"/" + file + ": ", "found ", found, "expected ", expected, "; "}) {
    EXPECT_NE(refusals.find(part), std::string::npos) << "missing '" << part << "' in:\n" << listed.out;
  }
  EXPECT_NE(listed.out.substr(0, at).find("test.c"), std::string::npos) << "the good plugin must be listed:\n"
                                                                        << listed.out;
}

class BadPlugin : public testing::TestWithParam<Bad> {};

TEST_P(BadPlugin, IsRefusedWithASentenceAndOthersWork) {
  const Bad& bad = GetParam();
  const PluginDirectory plugins({"good/c_plugin", std::string("bad/") + bad.file});
  expect_refusal(list(plugins, bad.file), std::string(bad.file) + ".so", bad.found, bad.expected);
}

INSTANTIATE_TEST_SUITE_P(
    BeforeInit, BadPlugin,
    testing::Values(
        Bad{"no_note", "without Sluice's ABI note", "a plugin"},
        Bad{"no_descriptor", "no exported symbol sluice_plugin_v1", "descriptor"},
        Bad{"other_major", "a plugin of Sluice's ABI 2.0", "ABI 1.x"},
        Bad{"major_lie", "a descriptor of ABI 2.0", "ABI 1.x"},
        Bad{"short_descriptor", "a descriptor of 40 bytes", "at least"},
        Bad{"undefined_symbol", "sluice_test_undefined_function", "symbols and needed libraries"},
        Bad{"missing_library",
            "can't load it (libsluice_test_missing.so: cannot open shared object file: No such file or "
            "directory)",
            "symbols and needed libraries"},
        Bad{"ring_schema", "refers back to itself for the same value at JSON pointer", "one that ends"},
        Bad{"misspelt_schema", "\"patern\" at JSON pointer \"/properties/to/patern\"", "\"pattern\""},
        Bad{"many_types", "1000000000 job types", "at most 1000"},
        Bad{"huge_schema", "with a schema of 2.1 MB", "at most 1.0 MB"},
        Bad{"crash_static", "killed by signal 11 (Segmentation fault)", "get ready"},
        Bad{"exit_static", "ended with exit status 0", "get ready"},
        Bad{"hang_static", "did not load within 4 s", "get ready"},
        Bad{"forged_description", "sent a plugin of an impossible name", "get ready"},
        Bad{"no_types", "no job types", "at least one"},
        Bad{"brief_once", "both at most once and brief", "clear one of its flags"},
        Bad{"null_type", "job type number 1 that is NULL", "complete sluice_job_type"},
        Bad{"null_handle", "without a handler", "a function"}, Bad{"bad_name", "'Bad Name'", "a-z 0-9 - _"},
        Bad{"bad_type_name", "'test broken'", "a-z A-Z 0-9"}, Bad{"twice", "twice", "each name once"},
        Bad{"bad_sandbox", "has the unknown key 'reed'", "the keys of [plugin.NAME.sandbox]"},
        Bad{"bad_schema", "the payload schema of", "draft 4"},
        Bad{"bad_config_schema", "the schema of its configuration", "draft 4"}),
    [](const auto& test) { return std::string(test.param.file); });

/// Plugins that fail in init, which `drain` calls but `plugin list` does not.
class BadInit : public testing::TestWithParam<Bad> {};

TEST_P(BadInit, IsRefusedWhenStartedAndOthersWork) {
  const Bad& bad = GetParam();
  const PluginDirectory plugins({"good/probe", std::string("bad/") + bad.file});
  TestDatabase database;
  const std::map<std::string, std::string> environment{{"DATABASE_URL", database.url()}};
  ASSERT_EQ(run({"init"}, environment).code, 0);
  ASSERT_EQ(run({"enqueue", "test.probe"}, environment).code, 0);
  const Ended drained =
      run({"drain", "--plugins", plugins.path(), "--config", config_for(bad.file, plugins.scratch())},
          environment);
  EXPECT_EQ(drained.code, 0) << drained.err;
  for (const std::string& part : std::vector<std::string>{
           "plugin refused", std::string(bad.file) + ".so: found ", bad.found, bad.expected}) {
    EXPECT_NE(drained.err.find(part), std::string::npos) << "missing '" << part << "' in:\n" << drained.err;
  }
  EXPECT_EQ(database.value(R"(SELECT status FROM "Outbox")"), "done");
  EXPECT_LT(drained.err.size(), 100'000U) << "a long error text must be truncated";
}

INSTANTIATE_TEST_SUITE_P(
    Init, BadInit,
    testing::Values(Bad{"failing_init", "init returned", "fix the reported problem"},
                    Bad{"throwing_init", "init returned", "fix the reported problem"},
                    Bad{"raw_throw_init", "killed by signal 6 (Aborted) in its init", "get ready"},
                    Bad{"crash_init", "killed by signal 11 (Segmentation fault) in its init", "get ready"},
                    Bad{"exit_init", "ended with exit status 0 in its init", "get ready"},
                    Bad{"hang_init", "did not start within 4 s", "get ready"},
                    Bad{"long_init", "init returned 5 (wwww", "fix the reported problem"},
                    Bad{"failing_slot", "slot_open failed", "fix the reported problem"}),
    [](const auto& test) { return std::string(test.param.file); });

struct BadFile : testing::Test {
  PluginDirectory plugins{{"good/c_plugin"}};
  const Scratch& scratch = plugins.scratch();
  std::string good = scratch.read("c_plugin.so");
};

TEST_F(BadFile, Empty) {
  scratch.write("bad.so", "");
  expect_refusal(list(plugins), "bad.so", "an empty file", "an ELF shared library");
}

TEST_F(BadFile, Text) {
  scratch.write("bad.so", "#!/bin/sh\necho hello\n");
  expect_refusal(list(plugins), "bad.so", "not an ELF file", "an ELF shared library");
}

TEST_F(BadFile, Truncated) {
  for (const std::size_t size :
       {std::size_t{3}, std::size_t{20}, std::size_t{70}, good.size() / 2, good.size() - 1}) {
    scratch.write("bad.so", good.substr(0, size));
    expect_refusal(list(plugins), "bad.so", size == 3 ? "not an ELF file" : "truncated", "expected");
  }
}

TEST_F(BadFile, DamagedInManyPlaces) {
  const std::string whole = PluginDirectory({"good/noop"}).scratch().read("noop.so");
  constexpr std::size_t end_of_segments = 64 + 10 * 56;  // after the file's own header
  for (std::size_t at = 16; at < end_of_segments; at += 12) {
    for (const char damage : {'\x00', '\xff'}) {
      std::string damaged = whole;
      std::fill_n(damaged.begin() + static_cast<std::ptrdiff_t>(at), 4, damage);
      scratch.write("bad-" + std::to_string(at) + (damage == 0 ? "-zeros.so" : "-ones.so"), damaged);
    }
  }
  const Ended ended = list(plugins, "hang_");
  EXPECT_EQ(ended.code, 1) << ended.err;
  EXPECT_NE(ended.out.find("test.c"), std::string::npos) << ended.out << ended.err;
}

TEST_F(BadFile, WrongMachine) {
  std::string other = good;
  other[18] = 21;  // e_machine: PowerPC 64
  other[19] = 0;
  scratch.write("bad.so", other);
  expect_refusal(list(plugins), "bad.so", "code for ELF machine number 21", "(");
}

TEST_F(BadFile, WrongClass) {
  std::string other = good;
  other[4] = 1;
  scratch.write("bad.so", other);
  expect_refusal(list(plugins), "bad.so", "32-bit", "64 bits");
}

TEST_F(BadFile, NotASharedLibrary) {
  std::string other = good;
  other[16] = 1;  // e_type: relocatable
  scratch.write("bad.so", other);
  expect_refusal(list(plugins), "bad.so", "type 1", "a shared library");
}

TEST_F(BadFile, Directory) {
  std::filesystem::create_directory(scratch.path("bad.so"));
  expect_refusal(list(plugins), "bad.so", "a directory", "a regular file");
}

TEST_F(BadFile, Pipe) {
  ASSERT_EQ(mkfifo(scratch.path("bad.so").c_str(), 0600), 0);
  expect_refusal(list(plugins), "bad.so", "other than a regular file", "a regular file");
}

TEST_F(BadFile, DanglingLink) {
  std::filesystem::create_symlink("/nowhere/at/all.so", scratch.path("bad.so"));
  expect_refusal(list(plugins), "bad.so", "no file", "check the path");
}

TEST_F(BadFile, Unreadable) {
  scratch.write("bad.so", good);
  ASSERT_EQ(chmod(scratch.path("bad.so").c_str(), 0000), 0);
  expect_refusal(list(plugins), "bad.so", "can't be read (mode 0000)", "chmod a+r");
}

TEST_F(BadFile, WritableByEverybody) {
  scratch.write("bad.so", good);
  ASSERT_EQ(chmod(scratch.path("bad.so").c_str(), 0666), 0);
  expect_refusal(list(plugins), "bad.so", "world-writable (mode 0666)", "chmod o-w");
}

TEST_F(BadFile, InADirectoryWritableByEverybody) {
  ASSERT_EQ(chmod(scratch.path().c_str(), 0777), 0);
  const Ended listed = list(plugins);
  EXPECT_EQ(listed.code, 1);
  EXPECT_NE(listed.out.find("found the directory " + scratch.path() + " that is world-writable (mode 0777)"),
            std::string::npos)
      << listed.out;
}

TEST(TwoPlugins, WithTheSameTypeAreBothRefusedItUnlessAnOwnerIsConfigured) {
  const PluginDirectory plugins({"good/probe", "bad/duplicate"});
  const Ended listed = run({"plugin", "list", "--plugins", plugins.path()});
  EXPECT_EQ(listed.code, 1);
  EXPECT_NE(listed.out.find("probe.so: found job type 'test.probe' in"), std::string::npos) << listed.out;
  EXPECT_NE(listed.out.find("duplicate.so: found job type 'test.probe' in"), std::string::npos) << listed.out;
  EXPECT_NE(listed.out.find("[type.\"test.probe\"]"), std::string::npos) << listed.out;
  EXPECT_NE(listed.out.find("test.other"), std::string::npos) << "the plugin's other types must be served:\n"
                                                              << listed.out;

  const std::string owner =
      plugins.scratch().write("owner.toml", "[type.\"test.probe\"]\nplugin = \"probe\"\n");
  const Ended owned = run({"plugin", "list", "--plugins", plugins.path(), "--config", owner});
  EXPECT_NE(owned.out.find("the configuration assigns it to plugin 'probe'"), std::string::npos) << owned.out;
  EXPECT_EQ(owned.out.find("found job type"), std::string::npos) << owned.out;
}

TEST(TwoPlugins, WithTheSameNameAreBothRefused) {
  const PluginDirectory plugins({"good/probe"});
  std::filesystem::copy_file(plugins.scratch().path("probe.so"), plugins.scratch().path("copy.so"));
  const Ended listed = run({"plugin", "list", "--plugins", plugins.path()});
  EXPECT_EQ(listed.code, 1);
  EXPECT_NE(listed.out.find("probe.so: found the plugin name 'probe' in"), std::string::npos) << listed.out;
  EXPECT_NE(listed.out.find("copy.so: found the plugin name 'probe' in"), std::string::npos) << listed.out;
}

TEST(Inspect, ShowsAPluginsDeclarations) {
  const PluginDirectory plugins({"good/probe"});
  const Ended inspected = run({"plugin", "inspect", plugins.path() + "/probe.so"});
  EXPECT_EQ(inspected.code, 0) << inspected.err;
  for (const char* part : {"plugin probe 1.2.3", "Sluice's tests", "job type test.strict", "\"pattern\"",
                           "yes: a crash or a lost runtime ends the job"}) {
    EXPECT_NE(inspected.out.find(part), std::string::npos) << part << "\n" << inspected.out;
  }
  EXPECT_NE(inspected.out.find("concurrency       1\n"), std::string::npos) << inspected.out;
  EXPECT_NE(inspected.out.find("500 ms"), std::string::npos) << inspected.out;
}

TEST(HostProgram, IsReportedMissingWithTheSearchedPaths) {
  const PluginDirectory plugins({"good/noop"});
  const Scratch scratch;
  std::filesystem::copy(Program::path(), scratch.path() + "/sluice");
  Program listing({"plugin", "list", "--plugins", plugins.path()}, {}, "", scratch.path() + "/sluice");
  EXPECT_EQ(listing.wait(), 1);
  EXPECT_NE(listing.out().find("sluice-host is neither in '" + scratch.path()), std::string::npos)
      << listing.out();
}

TEST(HostProgram, IsNotACommand) {
  Program host({}, {}, "", Program::path() + "-host");
  EXPECT_EQ(host.wait(), 64);
  EXPECT_NE(host.err().find("sluice starts sluice-host"), std::string::npos);
}

TEST(HostProgram, OfAnotherVersionIsRefused) {
  Program host({"/x.so", "99.0.0"}, {}, "", Program::path() + "-host");
  EXPECT_EQ(host.wait(), 64);
  EXPECT_NE(host.err().find("sluice has version 99.0.0: install the same version of both"),
            std::string::npos);
}

TEST(Inspect, ShowsARefusal) {
  const Ended inspected = run({"plugin", "inspect", "/nowhere/at/all.so"});
  EXPECT_EQ(inspected.code, 1);
  EXPECT_NE(inspected.out.find("refused: /nowhere/at/all.so: found no file"), std::string::npos)
      << inspected.out;
}

}  // namespace
}  // namespace sluice::test
