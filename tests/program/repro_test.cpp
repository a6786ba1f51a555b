// sluice jobs repro and sluice plugin run --repro: a job that crashed, taken home as a file and run again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>
#include <signal.h>

#include <filesystem>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

using testing::HasSubstr;
using testing::Not;

rapidjson::Document parsed(const std::string& json) {
  rapidjson::Document document;
  document.Parse(json.c_str());
  EXPECT_TRUE(document.IsObject()) << json;
  if (!document.IsObject()) document.SetObject();
  return document;
}

class Repro : public Outbox {
 protected:
  void configure(const std::string& more) {
    config = scratch.write("sluice.toml", scratch.read("sluice.toml") + more);
  }
  /// Runs a job until nothing is left to do, and takes it home.
  std::string repro_of(const std::string& id, const std::string& type, const std::string& payload) {
    insert(id, type, payload);
    EXPECT_TRUE(drains());
    written = sluice({"jobs", "repro", id});
    EXPECT_EQ(written.code, 0) << written.err;
    return scratch.write(id + ".json", written.out);
  }
  /// Runs it again, without the database and its configuration.
  static Ended replay(const std::string& file, const std::vector<std::string>& more = {}) {
    std::vector<std::string> words{"plugin", "run", "--repro", file};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  }
  /// What `jobs repro` said.
  Ended written;
};

TEST_F(Repro, HasEverythingToRunTheJobAgain) {
  configure("[plugin.probe]\nslots = 3\n[plugin.probe.limits]\nmemory = \"900MB\"\nnice = 1\n");
  repro_of("crashes", "test.limits", R"({"do": "crash", "big": 123456789012345678901234567890.10})");
  const auto repro = parsed(written.out);
  EXPECT_EQ(repro["sluice_repro"].GetInt(), 1);
  EXPECT_STREQ(repro["id"].GetString(), "crashes");
  EXPECT_STREQ(repro["type"].GetString(), "test.limits");
  EXPECT_STREQ(repro["status"].GetString(), "error");
  EXPECT_EQ(repro["attempt"].GetInt(), 1);
  EXPECT_EQ(repro["max_attempts"].GetInt(), 2);
  EXPECT_THAT(written.out, HasSubstr("123456789012345678901234567890.10"));
  EXPECT_STREQ(repro["plugin"]["name"].GetString(), "probe");
  EXPECT_STREQ(repro["plugin"]["version"].GetString(), "1.2.3");
  EXPECT_EQ(repro["plugin"]["file"].GetString(), plugins.path() + "/probe.so");
  EXPECT_GE(repro["plugin"]["build_id"].GetStringLength(), 16U);
  EXPECT_EQ(repro["plugin"]["sha256"].GetStringLength(), 64U);
  EXPECT_STREQ(repro["limits"]["timeout"].GetString(), "500ms");
  EXPECT_EQ(repro["limits"]["slots"].GetInt(), 3);
  EXPECT_STREQ(repro["limits"]["memory"].GetString(), "900MB");
  EXPECT_EQ(repro["limits"]["nice"].GetInt(), 1);
  EXPECT_STREQ(repro["last_attempt"]["code"].GetString(), "host-died");
  EXPECT_THAT(repro["last_attempt"]["stack"].GetString(), HasSubstr("write_to_null"));
}

TEST_F(Repro, CrashesAgainInAHostAndInThisProcess) {
  const std::string file = repro_of("crashes", "test.limits", R"({"do": "abort"})");
  const Ended again = replay(file);
  EXPECT_EQ(again.code, 1);
  EXPECT_THAT(again.out, HasSubstr("killed by signal 6 (Aborted) while this job ran"));
  EXPECT_THAT(again.out, HasSubstr("gdb --args sluice plugin run --repro " + file + " --in-process\n"));
  EXPECT_EQ(replay(file, {"--in-process"}).code, -SIGABRT);
  EXPECT_EQ(count("status = 'error'"), "1") << "the database is left alone";
}

TEST_F(Repro, GivesTheHandlerTheSameIdAttemptAndPayload) {
  const std::string seen = scratch.path("seen");
  const std::string file = repro_of("the-id", "test.limits", R"({"do": "fail", "file": ")" + seen + "\"}");
  const std::string once = scratch.read("seen");
  EXPECT_THAT(replay(file).out, HasSubstr("outcome    fail\n"));
  EXPECT_EQ(scratch.read("seen"), once + once);
  EXPECT_THAT(once, HasSubstr("the-id"));
}

TEST_F(Repro, StopsAJobThatExceedsItsTimeLimit) {
  const std::string file = repro_of("slow", "test.limits", R"({"do": "wait_cancel"})");
  EXPECT_THAT(replay(file).out, HasSubstr("outcome    cancelled\n"));
}

TEST_F(Repro, LeavesSecretsOutAndTakesThemBack) {
  configure(
      "[plugin.probe.config]\nuser = \"ada\"\npassword_file = \"/run/secret\"\nkey = [\"id\"]\n"
      "server = \"https://ada:pw-1@example.com\"\nport = 25\n"
      "token_header = \"X-Token\"\n[plugin.probe.config.smtp]\npassword = \"pw-2\"\napiToken = "
      "\"pw-3\"\nsigning_key = \"pw-4\"\n");
  const std::string file = repro_of("any", "test.probe", R"({"do": "output", "value": 1})");
  EXPECT_THAT(written.out, Not(HasSubstr("pw-")));
  for (const char* kept : {"\"ada\"", "/run/secret", "25", "X-Token"})
    EXPECT_THAT(written.out, HasSubstr(kept));
  EXPECT_THAT(written.err, HasSubstr("were left out: "));
  const Ended without = replay(file);
  EXPECT_EQ(without.code, 0) << without.err;
  for (const char* key : {"server", "smtp.password", "smtp.apiToken", "smtp.signing_key"}) {
    EXPECT_THAT(written.err, HasSubstr(key));
    EXPECT_THAT(without.err, HasSubstr(key));
  }
  const Ended set = replay(file, {"--set", "smtp.password=x", "--set", "server=https://b@example.com"});
  EXPECT_THAT(set.err, HasSubstr("configuration: smtp.apiToken, smtp.signing_key. Give")) << set.err;
  const Ended configured = replay(file, {"--config", config});
  EXPECT_THAT(configured.err, Not(HasSubstr("leaves out")));
}

TEST_F(Repro, SaysThatThePluginsFileIsAnotherOne) {
  const std::string file = repro_of("any", "test.probe", R"({"do": "output", "value": 1})");
  EXPECT_THAT(replay(file).err, Not(HasSubstr("warning")));
  const std::string other = scratch.path("other.so");
  std::filesystem::copy_file(plugins.path() + "/probe.so", other);
  EXPECT_THAT(replay(file, {"--plugin", other}).err, Not(HasSubstr("warning"))) << "it has the same content";
  scratch.write("other.so", scratch.read("other.so") + "more");
  const Ended replaced = replay(file, {"--plugin", other});
  EXPECT_EQ(replaced.code, 0) << replaced.err;
  EXPECT_THAT(replaced.err,
              HasSubstr("warning: " + other + " is not the file that the repro was written with"));
}

TEST_F(Repro, SaysThatThePluginWasBuiltAnewSince) {
  insert("fails", "test.once", probe("fail"));
  EXPECT_TRUE(drains());
  database.exec("UPDATE sluice.attempt SET build_id = 'feed'");
  const Ended taken = sluice({"jobs", "repro", "fails"});
  EXPECT_THAT(taken.err, HasSubstr("by now; the job ran in version 1.2.3 (build feed)"));
  const Ended again = replay(scratch.write("fails.json", taken.out));
  EXPECT_THAT(again.err, HasSubstr("probe.so is not the build that ran the job"));
  EXPECT_THAT(again.out, HasSubstr("outcome    fail\n"));
}

TEST_F(Repro, WithoutThePluginNamesNoFile) {
  insert("any", "test.probe", "{}");
  EXPECT_TRUE(drains());
  const Scratch empty;
  const Ended taken = sluice({"jobs", "repro", "any", "--plugins", empty.path()});
  EXPECT_EQ(taken.code, 0);
  EXPECT_THAT(taken.err, HasSubstr("plugin probe is not in '" + empty.path() + "'"));
  const std::string file = scratch.write("any.json", taken.out);
  const Ended refused = replay(file);
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("does not name the plugin's file; give it with --plugin FILE"));
  EXPECT_EQ(replay(file, {"--plugin", plugins.path() + "/probe.so"}).code, 0);
}

TEST_F(Repro, OfAnUnknownJobFails) {
  const Ended unknown = sluice({"jobs", "repro", "nobody"});
  EXPECT_EQ(unknown.code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("there is no job 'nobody'"));
}

TEST(ReproFile, ThatCanNotBeUsedIsRefused) {
  const Scratch scratch;
  const auto refusal = [&](const std::string& content) {
    const Ended ended = run({"plugin", "run", "--repro", scratch.write("repro.json", content)});
    EXPECT_EQ(ended.code, 2);
    return ended.err;
  };
  EXPECT_THAT(refusal("{no json"), HasSubstr("is not valid JSON"));
  EXPECT_THAT(refusal("{}"), HasSubstr("is not a repro; sluice jobs repro ID >FILE writes one"));
  EXPECT_THAT(refusal(R"({"sluice_repro": 99})"), HasSubstr("is a repro of version 99"));
  EXPECT_THAT(refusal(R"({"sluice_repro": 1, "type": "a.b", "payload": {}})"), HasSubstr("has no text 'id'"));
  EXPECT_THAT(refusal(R"({"sluice_repro": 1, "id": "1", "type": "a.b"})"), HasSubstr("has no 'payload'"));
  EXPECT_EQ(run({"plugin", "run", "--repro", scratch.path("missing.json")}).code, 2);
  EXPECT_THAT(run({"plugin", "run", "a.so", "a.type", "--repro", "f"}).err,
              HasSubstr("--plugin replaces the file"));
  EXPECT_THAT(run({"plugin", "run", "a.so", "a.type", "--set", "a=b"}).err, HasSubstr("need --repro"));
}

}  // namespace
}  // namespace sluice::test
