// Secrets that the operator grants to a plugin: who gets them, and where they are not seen.
#include <gmock/gmock.h>
#include <signal.h>

#include <fstream>
#include <iterator>
#include <memory>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string secret = "open-\"sesame\"-4711";
const std::string quoted = R"(open-\"sesame\"-4711)";

class Secrets : public Outbox {
 protected:
  Secrets() { scratch.write("password", secret + "\n"); }

  /// A runtime whose probe is granted these secrets.
  Program& start(const std::string& grants) {
    config = scratch.write("secrets.toml", scratch.read("sluice.toml") +
                                               "[type.\"test.probe\"]\nmax_attempts = 1\n"
                                               "[plugin.probe]\nprocesses = 2\n[plugin.probe.secrets]\n" +
                                               grants);
    auto all = environment();
    all["SECRET_OF_PROBE"] = secret;
    all["SECRET_OF_NOBODY"] = "is-inherited";
    program_ = std::make_unique<Program>(std::vector<std::string>{"run"}, all);
    EXPECT_TRUE(program_->says("plugins loaded")) << program_->err();
    return *program_;
  }
  std::string file_grant(const std::string& name = "password") const {
    return name + " = { file = \"" + scratch.path("password") + "\" }\n";
  }
  void ask(const std::string& id, const std::string& members) {
    insert(id, "test.probe", R"({"do":"secret")" + members + "}");
  }
  std::string code(const std::string& id) {
    return database.value("SELECT code FROM sluice.attempt WHERE job_id = $1 ORDER BY at DESC LIMIT 1", {id});
  }
  std::string named(const std::string& name, const std::string& value) const {
    return R"(,"name":")" + name + R"(","value":")" + value + '"';
  }
  /// Everything in the database about jobs, as text.
  std::string recorded() {
    return database.value(
        "SELECT concat((SELECT json_agg(a) FROM sluice.attempt a), (SELECT json_agg(o) FROM sluice.output "
        "o), "
        "(SELECT json_agg(r) FROM sluice.running r))");
  }

  static std::string read_process(pid_t pid, const std::string& file) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/" + file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  std::unique_ptr<Program> program_;
};

TEST_F(Secrets, ComeFromAFileOrTheEnvironment) {
  Program& program = start(file_grant() + "token = { env = \"SECRET_OF_PROBE\" }\n");
  ask("file", named("password", quoted));
  ask("variable", named("token", quoted));
  ask("other", named("passwort", quoted));
  EXPECT_TRUE(becomes("file", "done")) << program.err();
  EXPECT_TRUE(becomes("variable", "done")) << program.err();
  EXPECT_TRUE(becomes("other", "error"));
  EXPECT_EQ(code("other"), "not-granted");
}

TEST_F(Secrets, AreNotInTheEnvironmentOrTheArgumentsOfAHost) {
  Program& program = start("token = { env = \"SECRET_OF_PROBE\" }\n");
  ask("variable", named("token", quoted));
  ASSERT_TRUE(becomes("variable", "done")) << program.err();
  ASSERT_FALSE(program.children().empty());
  for (const pid_t host : program.children()) {
    EXPECT_THAT(read_process(host, "environ"), HasSubstr("SECRET_OF_NOBODY"));
    EXPECT_THAT(read_process(host, "environ"), Not(HasSubstr("SECRET_OF_PROBE")));
    EXPECT_THAT(read_process(host, "cmdline"), Not(HasSubstr("sesame")));
  }
}

TEST_F(Secrets, TheMemoryOfAHostWithSecretsIsClosed) {
  start(file_grant());
  insert("with", "test.probe", R"({"do":"dumpable"})");
  ASSERT_TRUE(becomes("with", "done"));
  EXPECT_EQ(database.value("SELECT output FROM sluice.output WHERE job_id = 'with'"), "0");
  start("");
  insert("without", "test.probe", R"({"do":"dumpable"})");
  ASSERT_TRUE(becomes("without", "done"));
  EXPECT_EQ(database.value("SELECT output FROM sluice.output WHERE job_id = 'without'"), "1");
}

TEST_F(Secrets, AShortOneIsNotReplacedAndTheLogSaysSo) {
  scratch.write("password", "4711\n");
  Program& program = start(file_grant());
  EXPECT_TRUE(program.says("a secret is too short to be replaced in what its plugin says")) << program.err();
  ask("short", named("password", "4711") + R"(,"say":true)");
  ASSERT_TRUE(becomes("short", "error"));
  EXPECT_EQ(error("short"), "I fail with 4711");
}

TEST_F(Secrets, AreScrubbedFromAllThatThePluginSays) {
  Program& program = start(file_grant());
  ask("fails", named("password", quoted) + R"(,"say":true)");
  ask("ends", named("password", quoted) + R"(,"say":true,"output":true)");
  ask("waits", named("password", quoted) + R"(,"say":true,"wait":true)");
  EXPECT_TRUE(becomes("fails", "error")) << program.err();
  EXPECT_TRUE(becomes("ends", "done")) << program.err();
  EXPECT_EQ(code("fails"), "[secret password]");
  EXPECT_EQ(error("fails"), "I fail with [secret password]");
  EXPECT_EQ(database.value("SELECT output::jsonb ->> 'said' FROM sluice.output WHERE job_id = 'ends'"),
            "I output [secret password]");
  EXPECT_TRUE(eventually([&] { return recorded().find("I note [secret password]") != std::string::npos; }))
      << recorded();
  EXPECT_THAT(recorded(), HasSubstr("I log [secret password]"));
  EXPECT_TRUE(program.says("I print [secret password]"));
  EXPECT_TRUE(program.says("I complain of [secret password]"));
  EXPECT_TRUE(program.says("I log [secret password]"));
  EXPECT_THAT(program.err(), HasSubstr(R"("field":"[secret password]")"));
  EXPECT_THAT(program.err(), Not(HasSubstr("sesame")));
  EXPECT_THAT(recorded(), Not(HasSubstr("sesame")));
}

TEST_F(Secrets, OneThatCanNotBeReadRefusesThePluginUntilItCan) {
  std::filesystem::remove(scratch.path("password"));
  Program& program = start(file_grant());
  EXPECT_THAT(program.err(),
              HasSubstr("found that its secret 'password' can't be read ('" + scratch.path("password") +
                        "' can't be opened: No such file or directory), expected a value, because "
                        "[plugin.probe.secrets] grants it; make it a file"));
  ask("waits", named("password", quoted));
  scratch.write("password", secret);
  program.signal(SIGHUP);
  EXPECT_TRUE(becomes("waits", "done")) << program.err();
}

TEST_F(Secrets, AnUnsetVariableRefusesThePlugin) {
  Program& program = start("token = { env = \"SECRET_THAT_IS_NOT_SET\" }\n");
  EXPECT_THAT(program.err(), HasSubstr("(the variable SECRET_THAT_IS_NOT_SET is not set), expected a value"));
  EXPECT_THAT(program.err(), HasSubstr("restart sluice"));
}

TEST_F(Secrets, AReloadReadsThemAgain) {
  Program& program = start(file_grant());
  ask("old", named("password", quoted));
  ASSERT_TRUE(becomes("old", "done")) << program.err();
  scratch.write("password", "a-new-one");
  program.signal(SIGHUP);
  ASSERT_TRUE(program.says("\"plugin replaced\"")) << program.err();
  ask("new", named("password", "a-new-one"));
  EXPECT_TRUE(becomes("new", "done")) << program.err();
  std::filesystem::remove(scratch.path("password"));
  program.signal(SIGHUP);
  ASSERT_TRUE(program.says("plugin refused, the present version continues")) << program.err();
  ask("still", named("password", "a-new-one"));
  EXPECT_TRUE(becomes("still", "done")) << program.err();
}

TEST_F(Secrets, ThatAreMissingAreFoundByConfigCheck) {
  start(file_grant() + "token = { env = \"NO_SUCH_VARIABLE\" }\n");
  const Ended checked = sluice({"config", "check"});
  EXPECT_EQ(checked.code, 1);
  EXPECT_THAT(checked.out,
              HasSubstr("found that its secret 'token' can't be read (the variable NO_SUCH_VARIABLE is "
                        "not set), expected a value, because [plugin.probe.secrets] grants it"));
}

TEST_F(Secrets, AreNeitherListedNorShown) {
  start(file_grant() + "token = { env = \"SECRET_OF_PROBE\" }\n");
  for (const char* command : {"list", "inspect"}) {
    std::vector<std::string> arguments{"plugin", command, "--json"};
    if (command == std::string("inspect")) arguments.push_back(plugins.path() + "/probe.so");
    const Ended shown = sluice(arguments);
    EXPECT_EQ(shown.code, 0) << shown.err;
    EXPECT_THAT(shown.out + shown.err, Not(HasSubstr("sesame")));
  }
  const Ended checked = sluice({"config", "check"});
  EXPECT_THAT(checked.out, HasSubstr("SECRET_OF_PROBE"));
  EXPECT_THAT(checked.out + checked.err, Not(HasSubstr("sesame")));
}

TEST_F(Secrets, ArePassedToAPluginThatIsTriedByHand) {
  config = scratch.write("secrets.toml", "[plugin.probe.secrets]\n" + file_grant());
  const std::string payload = R"({"do":"secret")" + named("password", quoted) + R"(,"say":true})";
  const Ended ran = sluice({"plugin", "run", plugins.path() + "/probe.so", "test.probe", payload});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out + ran.err, HasSubstr("I fail with [secret password]"));
  EXPECT_THAT(ran.err, HasSubstr("I print [secret password]"));
  EXPECT_THAT(ran.err, HasSubstr("I note [secret password]"));
  std::filesystem::remove(scratch.path("password"));
  const Ended refused = sluice({"plugin", "run", plugins.path() + "/probe.so", "test.probe", payload});
  EXPECT_THAT(refused.err, HasSubstr("found that its secret 'password' can't be read"));
}

TEST_F(Secrets, AWrongGrantIsAnErrorOfTheConfiguration) {
  for (const auto& [grant, words] : std::map<std::string, std::string>{
           {"a = \"text\"", "'a' must be { file = "},
           {"a = { file = \"\" }", "'a' must be { file = "},
           {"a = { file = \"x\", env = \"y\" }", "'a' must be { file = "},
           {"\"a b\" = { env = \"y\" }", "has the name 'a b', but a name has 1 to 128 characters"}}) {
    config = scratch.write("wrong.toml", "[plugin.probe.secrets]\n" + grant + "\n");
    const Ended checked = sluice({"config", "check"});
    EXPECT_EQ(checked.code, 2) << checked.out;
    EXPECT_THAT(checked.err, HasSubstr("'plugin.probe.secrets': " + words));
  }
}

}  // namespace
}  // namespace sluice::test
