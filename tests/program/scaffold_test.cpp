// sluice plugin new: its project builds at once outside of the tree, passes its own test, and runs a job.
// Also plugins in several languages, and with another standard library, under one runtime.
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;

/// Runs `command` with /bin/sh. Returns its exit code, and its output in `out`.
Ended shell(const std::string& command, const Scratch& scratch) {
  const std::string log = scratch.path("shell.log");
  const int status = std::system(("{ " + command + "\n} >'" + log + "' 2>&1 </dev/null").c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, scratch.read("shell.log"), ""};
}

bool has(const std::string& program, const Scratch& scratch) {
  return shell("command -v " + program, scratch).code == 0;
}

struct Template {
  const char* language;
  const char* needs;    ///< the program that builds it
  const char* library;  ///< the built library
};

std::ostream& operator<<(std::ostream& out, const Template& made) {
  return out << made.language;
}

/// The commands that `plugin new` prints, except the one that runs the plugin.
std::string printed_commands(const std::string& out) {
  std::istringstream lines(out.substr(out.find("Or step by step:\n")));
  std::string commands;
  std::getline(lines, commands);  // "Or step by step:"
  commands = "set -e\n";
  for (std::string line; std::getline(lines, line) && line.starts_with("  ");) {
    if (line.find("sluice plugin run") == std::string::npos) commands += line + "\n";
  }
  return commands;
}

class Made : public Outbox, public testing::WithParamInterface<Template> {
 protected:
  // The path is the same each time, so that a compiler cache works.
  const fs::path place_ = fs::path(SLUICE_SCAFFOLDS) / GetParam().language;
};

// Only C and Rust, because the test of docs/plugin-authors.md builds the project in C++.
TEST_P(Made, ProjectBuildsPassesItsTestAndRunsAJob) {
  if (!has(GetParam().needs, scratch)) GTEST_SKIP() << GetParam().needs << " is not installed";
  fs::remove_all(place_);
  const Ended made = sluice({"plugin", "new", "new-plugin", "--type", "new/plugin:Made_1", "--lang",
                             GetParam().language, "--dir", place_.string()});
  ASSERT_EQ(made.code, 0) << made.err;
  const Ended built = shell(printed_commands(made.out), scratch);  // from a checkout, without an installation
  ASSERT_EQ(built.code, 0) << built.out;

  fs::copy_file(place_ / GetParam().library, plugins.path() + "/made.so");
  const Ended inspected = sluice({"plugin", "inspect", plugins.path() + "/made.so"});
  EXPECT_NE(inspected.out.find("Handles jobs of type new/plugin:Made_1"), std::string::npos) << inspected.out;
  std::ifstream example(place_ / "example.json");
  insert("a", "new/plugin:Made_1", std::string(std::istreambuf_iterator<char>(example), {}));
  insert("bad", "new/plugin:Made_1", "{}");
  EXPECT_TRUE(drains());
  EXPECT_EQ(status("a"), "done") << error("a");
  EXPECT_EQ(status("bad"), "error");
  EXPECT_NE(error("bad").find("\"/name\""), std::string::npos) << error("bad");
}

/// Changes the project so that it refuses to start without a configuration.
void want_a_configuration(const fs::path& place, const std::string& language) {
  const bool rust = language == "rust";
  const fs::path source = place / (rust ? "src/lib.rs" : "new-plugin.c");
  std::stringstream text;
  text << std::ifstream(source).rdbuf();
  std::string code = text.str();
  const auto replace = [&](const std::string& from, const std::string& to) {
    ASSERT_NE(code.find(from), std::string::npos) << source << " has no " << from;
    code.replace(code.find(from), from.size(), to);
  };
  if (rust) {
    replace("string_or(\"greeting\", \"Hello\")", "string(\"greeting\")");
  } else {
    replace("static const sluice_job_type type",
            "static int32_t init(const sluice_host* host, sluice_str config, void** self) {\n"
            "  const sluice_str why = SLUICE_STR(\"no greeting is configured\");\n"
            "  (void)config, (void)self;\n"
            "  host->set_error(host, why);\n"
            "  return 1;\n}\n\nstatic const sluice_job_type type");
    replace(".job_type_count = 1,", ".job_type_count = 1,\n    .init = init,");
  }
  std::ofstream(source) << code;
}

TEST_P(Made, TestReportsWhyTheHandlerRefusesToStart) {
  if (!has(GetParam().needs, scratch)) GTEST_SKIP() << GetParam().needs << " is not installed";
  const fs::path place = place_.string() + "-refuses";
  fs::remove_all(place);
  const std::string language = GetParam().language;
  const Ended made = sluice(
      {"plugin", "new", "new-plugin", "--type", "new.type", "--lang", language, "--dir", place.string()});
  ASSERT_EQ(made.code, 0) << made.err;
  ASSERT_NO_FATAL_FAILURE(want_a_configuration(place, language));
  const Ended tested = shell(printed_commands(made.out), scratch);
  EXPECT_NE(tested.code, 0);
  const std::string words = language == "rust" ? "the handler refuses to start: member \"greeting\": expected"
                                               : "the plugin new-plugin refuses to start: no greeting is";
  EXPECT_NE(tested.out.find(words), std::string::npos) << tested.out;
  EXPECT_EQ(tested.out.find("SEGFAULT"), std::string::npos) << tested.out;
}

TEST_P(Made, DoesNotLinkWithAnUndefinedSymbol) {
  if (!has(GetParam().needs, scratch)) GTEST_SKIP() << GetParam().needs << " is not installed";
  const fs::path place = place_.string() + "-undefined";
  fs::remove_all(place);
  const std::string language = GetParam().language;
  const Ended made = sluice(
      {"plugin", "new", "new-plugin", "--type", "new.type", "--lang", language, "--dir", place.string()});
  ASSERT_EQ(made.code, 0) << made.err;
  const bool rust = language == "rust";
  std::ofstream(place / (rust ? "src/lib.rs" : "new-plugin.c"), std::ios::app)
      << (rust ? "extern \"C\" {\n    fn nowhere();\n}\n#[no_mangle]\npub extern \"C\" fn calls() {\n"
                 "    unsafe { nowhere() }\n}\n"
               : "void nowhere(void);\nvoid calls(void);\nvoid calls(void) { nowhere(); }\n");
  std::string commands = printed_commands(made.out);
  if (rust) commands.erase(commands.find("  cargo test"), std::string("  cargo test --offline\n").size());
  const Ended built = shell(commands, scratch);
  EXPECT_NE(built.code, 0) << built.out;
  EXPECT_TRUE(std::regex_search(built.out, std::regex("undefined (symbol|reference)[^\n]*nowhere")))
      << built.out;
}

INSTANTIATE_TEST_SUITE_P(By, Made,
                         testing::Values(Template{"c", "cc", "build/new-plugin.so"},
                                         Template{"rust", "cargo", "target/release/libnew_plugin_plugin.so"}),
                         [](const auto& test) { return std::string(test.param.language); });

struct PluginNew : testing::Test {
  Ended make(const std::vector<std::string>& more) {
    std::vector<std::string> words{"plugin", "new", "--dir", scratch.path("place")};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  }
  void expect_refusal(const std::vector<std::string>& more, const std::string& word) {
    const Ended made = make(more);
    EXPECT_EQ(made.code, 2);
    EXPECT_NE(made.err.find(word), std::string::npos) << made.err;
    EXPECT_EQ(made.out, "");
    EXPECT_FALSE(fs::exists(scratch.path("place")));
  }
  Scratch scratch;
};

TEST_F(PluginNew, RefusesInvalidNames) {
  for (const std::string& name :
       std::vector<std::string>{"", "Greeter", "a b", "a/b", "..", "gr\xc3\xa4ter"}) {
    expect_refusal({name, "--type", "a.b"}, "1 to 64 characters from a-z 0-9 - _");
  }
  expect_refusal({std::string(65, 'a'), "--type", "a.b"}, "1 to 64");
  expect_refusal({"1st", "--type", "a.b"}, "begin with a letter");
  expect_refusal({"test", "--type", "a.b"}, "CMake reserves it");
  expect_refusal({"sluice", "--type", "a.b", "--lang", "rust"}, "sluice-plugin");
}

TEST_F(PluginNew, RefusesInvalidTypesAndUnknownLanguages) {
  for (const std::string& type :
       {std::string(), std::string("a b"), std::string("a\"b"), std::string(129, 'a')}) {
    expect_refusal({"greeter", "--type", type}, "1 to 128 characters from a-z A-Z 0-9 . _ - : /");
  }
  expect_refusal({"greeter", "--type", "a.b", "--lang", "cobol"}, "choose cpp, c or rust");
  expect_refusal({"greeter"}, "--type");
}

TEST_F(PluginNew, DoesNotOverwriteFiles) {
  fs::create_directory(scratch.path("place"));
  scratch.write("place/mine", "mine");
  const Ended made = make({"greeter", "--type", "a.b"});
  EXPECT_EQ(made.code, 2);
  EXPECT_NE(made.err.find("is not overwritten"), std::string::npos) << made.err;
  EXPECT_EQ(std::distance(fs::directory_iterator(scratch.path("place")), {}), 1);
  scratch.write("file", "mine");
  EXPECT_EQ(run({"plugin", "new", "greeter", "--type", "a.b", "--dir", scratch.path("file")}).code, 2);
  EXPECT_EQ(scratch.read("file"), "mine");
}

TEST_F(PluginNew, PrintsTheNextStepsAndReplacesTheExamplesName) {
  const Ended made = make({"greeter", "--type", "greeting.send", "--lang", "c"});
  ASSERT_EQ(made.code, 0) << made.err;
  for (const std::string& word : std::vector<std::string>{
           "sluice plugin dev " + scratch.path("place") + "\n", "cmake --build build", "build/greeter.so",
           "sluice plugin run build/greeter.so greeting.send @example.json"}) {
    EXPECT_NE(made.out.find(word), std::string::npos) << made.out;
  }
  EXPECT_NE(shell("grep -rn 'hello\\|greet\\.c' '" + scratch.path("place") + "'", scratch).code, 0)
      << scratch.read("shell.log");
  EXPECT_EQ(shell("test -x '" + scratch.path("place/ci.sh") + "'", scratch).code, 0);
}

TEST_F(PluginNew, DescribesItsOwnTypeInEveryLanguage) {
  for (const std::string language : {"cpp", "c", "rust"}) {
    const std::string place = scratch.path(language);
    const Ended made =
        run({"plugin", "new", "invoices", "--type", "invoice.print", "--lang", language, "--dir", place});
    ASSERT_EQ(made.code, 0) << made.err;
    const std::string readme = scratch.read(language + "/README.md");
    for (const std::string word : {"# invoices\n", "jobs of type `invoice.print`, whose payload is an object",
                                   "{\"name\": \"Ada\"}", "invoice.print @example.json"}) {
      EXPECT_NE(readme.find(word), std::string::npos) << language << " without " << word << "\n" << readme;
    }
    for (const std::string word : {"Handles jobs of type invoice.print", "the payload of invoice.print"}) {
      EXPECT_EQ(shell("grep -rqF '" + word + "' '" + place + "'", scratch).code, 0)
          << language << ": " << word;
    }
    EXPECT_NE(shell("grep -rnE '[Gg]reets (a person|people|that person)' '" + place +
                        "' --exclude-dir=sluice-plugin",
                    scratch)
                  .code,
              0)
        << scratch.read("shell.log");
  }
}

TEST_F(PluginNew, RemovesItsFilesIfItCantCreateAll) {
  constexpr std::size_t longest_path = 4095;
  std::string place = scratch.path("long");
  while (place.size() < longest_path - 220) place += "/" + std::string(200, 'x');
  fs::create_directories(place);
  const std::size_t room = std::string("/.gitignore").size() + 1;  // too short for CMakeLists.txt
  const std::string parent = place;
  place += "/" + std::string(longest_path - room - place.size() - 1, 'y');
  const Ended made = run({"plugin", "new", "greeter", "--type", "a.b", "--lang", "c", "--dir", place});
  EXPECT_EQ(made.code, 1);
  EXPECT_NE(made.err.find("CMakeLists.txt: File name too long"), std::string::npos) << made.err;
  EXPECT_TRUE(fs::is_empty(parent));
}

class SideBySide : public Outbox {
 protected:
  std::string told(const std::string& id) {
    return database.value(
        "SELECT output->>'library' || ' ' || (output->>'most') FROM sluice.output WHERE job_id = $1", {id});
  }
  /// Inserts a job with a most frequent word, and one without words.
  void insert_both(const std::string& plugin) {
    insert(plugin, plugin + ".words", R"({"text": "a rose is a rose is a rose"})");
    insert(plugin + "-throws", plugin + ".words", R"({"text": ""})");
  }
};

TEST_F(SideBySide, HandlersWithBothStandardLibrariesRunUnderOneRuntime) {
  const std::string by_clang = std::string(SLUICE_TEST_PLUGINS) + "/good/by_clang.so";
  if (!fs::exists(by_clang)) GTEST_SKIP() << "clang++ with libc++ is not installed";
  fs::copy_file(by_clang, plugins.path() + "/by_clang.so");
  fs::copy_file(std::string(SLUICE_TEST_PLUGINS) + "/good/by_gcc.so", plugins.path() + "/by_gcc.so");
  insert_both("by-gcc");
  insert_both("by-clang");
  EXPECT_TRUE(drains());
  EXPECT_EQ(told("by-gcc"), "libstdc++ a");
  EXPECT_EQ(told("by-clang"), "libc++ a");
  EXPECT_EQ(error("by-gcc-throws"), "std::out_of_range: the text has no words");
  EXPECT_EQ(error("by-clang-throws"), "std::out_of_range: the text has no words");
}

TEST_F(SideBySide, TheExamplesRunUnderOneRuntime) {
  for (const std::string file : {"hello.so", "hello-c.so"}) {
    fs::copy_file(std::string(SLUICE_EXAMPLE_PLUGINS) + "/" + file, plugins.path() + "/" + file);
  }
  insert("cpp", "hello.greet", R"({"name": "Ada"})");
  insert("c", "greet.c", R"({"name": "Ada"})");
  EXPECT_TRUE(drains());
  EXPECT_EQ(status("cpp"), "done") << error("cpp");
  EXPECT_EQ(status("c"), "done") << error("c");
}

}  // namespace
}  // namespace sluice::test
