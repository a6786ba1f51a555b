// The command line: output and exit codes, for valid and invalid arguments.
#include "program/outbox.hpp"

namespace sluice::test {
namespace {

using Command = Outbox;

TEST(CommandLine, WithoutACommandIsWrongUsage) {
  const Ended nothing = run({});
  EXPECT_EQ(nothing.code, 2);
  EXPECT_NE(nothing.err.find("sluice --help"), std::string::npos) << nothing.err;
  for (const char* step : {"export DATABASE_URL=", "sluice init ", "sluice run "}) {
    EXPECT_NE(nothing.err.find(step), std::string::npos) << nothing.err;
  }
}

TEST(CommandLine, SuggestsTheNearestWord) {
  const Ended command = run({"drian"});
  EXPECT_NE(command.err.find("did you mean 'drain'?"), std::string::npos) << command.err;
  const Ended option = run({"drain", "--typ", "x"});
  EXPECT_EQ(option.code, 2);
  EXPECT_NE(option.err.find("unknown option '--typ' for 'sluice drain'; did you mean '--type'?"),
            std::string::npos)
      << option.err;
  EXPECT_NE(option.err.find("Run `sluice drain --help`"), std::string::npos) << option.err;
}

TEST(CommandLine, NeedsADatabaseOnlyIfTheCommandUsesOne) {
  const Scratch scratch;
  for (const std::map<std::string, std::string>& environment :
       std::vector<std::map<std::string, std::string>>{{{"DATABASE_URL", "mysql://h/d"}},
                                                       {{"DATABASE_URL_FILE", "/nowhere/url"}}}) {
    EXPECT_EQ(run({"plugin", "list", "--plugins", scratch.path()}, environment).code, 0);
    EXPECT_EQ(run({"config", "sample"}, environment).code, 0);
    EXPECT_EQ(run({"status"}, environment).code, 2);
    EXPECT_EQ(run({"config", "check"}, environment).code, 2);
  }
}

TEST(CommandLine, RefusesUnknownArguments) {
  const Ended unknown = run({"drian"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_NE(unknown.err.find("unknown command 'drian'"), std::string::npos) << unknown.err;
  EXPECT_EQ(run({"drain", "--fast"}).code, 2);
  EXPECT_EQ(run({"drain", "--limit", "-1"}).code, 2);
}

TEST(CommandLine, HasHelpWithExamplesForEveryCommand) {
  EXPECT_EQ(run({"--help"}).code, 0);
  for (const char* command : {"init", "enqueue", "drain", "run", "status"}) {
    const Ended help = run({command, "--help"});
    EXPECT_EQ(help.code, 0) << command;
    EXPECT_NE(help.out.find("Examples:"), std::string::npos) << command;
  }
}

TEST(CommandLine, PrintsItsVersion) {
  for (const char* word : {"version", "--version", "-V"}) {
    const Ended said = run({word});
    EXPECT_EQ(said.code, 0) << word;
    EXPECT_EQ(said.out.rfind("sluice 0.1.0, plugin ABI 1.2", 0), 0U) << said.out;
  }
}

TEST(CommandLine, AcceptsHelpAsAWord) {
  EXPECT_EQ(run({"help"}).out, run({"--help"}).out);
  EXPECT_EQ(run({"help", "jobs", "list"}).out, run({"jobs", "list", "--help"}).out);
  EXPECT_EQ(run({"help"}).code, 0);
}

TEST(CommandLine, SaysThatNoDatabaseIsNamed) {
  const Ended status = run({"status"});
  EXPECT_EQ(status.code, 2);
  EXPECT_NE(status.err.find("DATABASE_URL"), std::string::npos) << status.err;
}

TEST(CommandLine, ReportsAnUnreachableDatabaseWithoutItsPassword) {
  const Ended status = run({"status", "--database-url", "postgresql://ada:s3cr3t@127.0.0.1:1/app"});
  EXPECT_EQ(status.code, 1);
  EXPECT_NE(status.err.find("127.0.0.1"), std::string::npos) << status.err;
  EXPECT_EQ(status.err.find("s3cr3t"), std::string::npos) << status.err;
  const Ended malformed = run({"status", "--database-url", "postgresql://ada:s3cr3t@host:port:9/app"});
  EXPECT_EQ(malformed.code, 2);
  EXPECT_EQ(malformed.err.find("s3cr3t"), std::string::npos) << malformed.err;
}

TEST(CommandLine, ShowsNoPartOfAPasswordWithAnAtSign) {
  const Ended status = run({"status", "--database-url", "postgresql://app:Hunter2@Secret99@127.0.0.1/shop"});
  EXPECT_EQ(status.code, 2);
  EXPECT_EQ(status.err.find("Secret99"), std::string::npos) << status.err;
  EXPECT_NE(status.err.find("percent-encoded"), std::string::npos) << status.err;
}

TEST(CommandLine, RefusesAnImplausibleConfigurationFile) {
  const Scratch scratch;
  const Ended directory = run({"config", "check", "--config", scratch.path()});
  EXPECT_EQ(directory.code, 2);
  EXPECT_NE(directory.err.find("'" + scratch.path() + "' failed: it is a directory"), std::string::npos)
      << directory.err;
  const Ended empty = run({"config", "check", "--config", scratch.write("empty.toml", "")});
  EXPECT_EQ(empty.code, 2);
  EXPECT_NE(empty.err.find("empty.toml' failed: it is empty"), std::string::npos) << empty.err;
  const std::string text =
      "[database]\nurl = \"${DATABASE_URL}\"\n[retention]\ndone = \"30\"\n[plugin.x.config]\nkeys = "
      "[\"$KEY\"]\n";
  const Ended variable = run({"config", "check", "--config", scratch.write("sluice.toml", text)});
  EXPECT_EQ(variable.code, 2);
  for (const char* complaint :
       {"sluice.toml:2: ${DATABASE_URL} would be taken literally",
        "sluice.toml:4: 'retention.done' must be a duration with its unit", "sluice.toml:6: $KEY"}) {
    EXPECT_NE(variable.err.find(complaint), std::string::npos) << variable.err;
  }
}

TEST(CommandLine, ReportsEveryMistakeOfAConfigurationFile) {
  const Scratch scratch;
  const std::string file = scratch.write("sluice.toml", "[database]\nulr = \"x\"\n[log]\nlevel = \"loud\"\n");
  const Ended status = run({"status", "--config", file});
  EXPECT_EQ(status.code, 2);
  EXPECT_NE(status.err.find("sluice.toml:2: unknown key 'database.ulr'"), std::string::npos) << status.err;
  EXPECT_NE(status.err.find("sluice.toml:4: 'log.level'"), std::string::npos) << status.err;
}

TEST(Uninitialised, SaysToRunInit) {
  TestDatabase database;
  const Ended status = run({"status"}, {{"DATABASE_URL", database.url()}});
  EXPECT_EQ(status.code, 1);
  EXPECT_NE(status.err.find("sluice init"), std::string::npos) << status.err;
}

TEST_F(Command, InitByAnOlderProgramSaysThatTheSchemaIsNewer) {
  database.exec("INSERT INTO sluice.migration (version, name) VALUES (1000, 'of a later sluice')");
  const Ended init = sluice({"init"});
  EXPECT_EQ(init.code, 1);
  EXPECT_NE(init.err.find("has migration 1000"), std::string::npos) << init.err;
}

TEST_F(Command, DrainSaysWhichJobsWaitForAPlugin) {
  insert("a", "nobody.serves");
  const Ended drained = sluice({"drain"});
  EXPECT_EQ(drained.code, 0);
  EXPECT_NE(drained.err.find("left waiting: 1 job of type 'nobody.serves', because no plugin in"),
            std::string::npos)
      << drained.err;
  EXPECT_NE(sluice({"drain", "--json"}).out.find(R"("waiting":[{"type":"nobody.serves","jobs":1}])"),
            std::string::npos);
  const Ended asked = sluice({"drain", "--type", "test.prob"});
  EXPECT_EQ(asked.code, 1);
  EXPECT_NE(asked.err.find("--type 'test.prob': no plugin in"), std::string::npos) << asked.err;
  EXPECT_NE(asked.err.find("did you mean 'test.probe'?"), std::string::npos) << asked.err;
}

TEST_F(Command, InitIsSafeToRepeat) {
  const Ended again = sluice({"init"});
  EXPECT_EQ(again.code, 0);
  EXPECT_NE(again.out.find("already in place"), std::string::npos) << again.out;
}

TEST_F(Command, InitCreatesTheGuidesIndexesOrLeanOnes) {
  const Ended lean = sluice({"init", "--indexes", "lean"});
  EXPECT_EQ(lean.code, 0) << lean.err;
  EXPECT_NE(lean.out.find("Dropped index \"public\".\"Outbox_type_idx\"."), std::string::npos) << lean.out;
  EXPECT_NE(sluice({"health", "db"}).out.find("some lists of jobs read the whole table"), std::string::npos);
  EXPECT_EQ(sluice({"init", "--indexes", "leaner"}).code, 2);
}

TEST_F(Command, EnqueueReadsJsonAFileOrStandardInput) {
  const std::string file = scratch.write("payload.json", "{\"n\": 2}");
  EXPECT_EQ(sluice({"enqueue", "test.probe", "{\"n\": 1}"}).code, 0);
  EXPECT_EQ(sluice({"enqueue", "test.probe", "@" + file}).code, 0);
  EXPECT_EQ(sluice({"enqueue", "test.probe", "-"}, "{\"n\": 3}").code, 0);
  EXPECT_EQ(sluice({"enqueue", "test.probe"}).code, 0);
  EXPECT_EQ(
      database.value(
          R"(SELECT string_agg(coalesce(payload->>'n', '-'), ',' ORDER BY "createdAt", payload->>'n') FROM "Outbox")"),
      "1,2,3,-");
}

TEST_F(Command, EnqueueRefusesInvalidJson) {
  const Ended enqueued = sluice({"enqueue", "test.probe", "{name: 1}"});
  EXPECT_NE(enqueued.code, 0);
  EXPECT_NE(enqueued.err.find("JSON"), std::string::npos) << enqueued.err;
  EXPECT_EQ(sluice({"enqueue", "test.probe", "@/nowhere"}).code, 2);
  EXPECT_EQ(sluice({"enqueue", "test.probe", "{}", "--delay", "soon"}).code, 2);
  EXPECT_EQ(count("true"), "0");
}

TEST_F(Command, EnqueueWithAUniqueKeyAddsOnce) {
  const Ended first = sluice({"enqueue", "test.probe", "{}", "--unique", "k"});
  const Ended second = sluice({"enqueue", "test.probe", "{}", "--unique", "k"});
  EXPECT_EQ(first.out, second.out);
  EXPECT_NE(second.err.find("this is the existing job's id"), std::string::npos) << second.err;
  EXPECT_EQ(count("true"), "1");
}

TEST_F(Command, StatusShowsWaitingJobsAndTheirPlugins) {
  insert("a", "email.send");
  insert("b", "test.probe");
  ASSERT_EQ(sluice({"drain"}).code, 0);
  insert("c", "test.probe");
  const Ended status = sluice({"status"});
  EXPECT_EQ(status.code, 0) << status.err;
  EXPECT_NE(status.out.find("no plugin has ever served it"), std::string::npos) << status.out;
  EXPECT_NE(status.out.find("plugin probe 1.2.3, not running now"), std::string::npos) << status.out;
  EXPECT_NE(status.out.find("no runtime is alive"), std::string::npos) << status.out;
}

TEST_F(Command, StatusAsJsonIsValidWithJobsFromAnyTime) {
  insert("c", "test.probe");
  for (const char* time : {"infinity", "-infinity"}) {
    database.value(R"(UPDATE "Outbox" SET "createdAt" = $1::timestamp RETURNING 1)", {time});
    const Ended json = sluice({"status", "--json"});
    EXPECT_EQ(database.value("SELECT w->>'type' || (w->>'oldest_seconds' IS NULL) "
                             "FROM jsonb_array_elements($1::jsonb->'waiting') w",
                             {json.out}),
              "test.probetrue");
    EXPECT_EQ(sluice({"status"}).code, 0);
  }
}

TEST_F(Command, StatusShowsFailuresWithTheirReasons) {
  insert("a", "test.probe", probe("fail", R"(,"message":"no such account")"));
  ASSERT_EQ(sluice({"drain"}).code, 0);
  EXPECT_NE(sluice({"status"}).out.find("no such account"), std::string::npos);
}

TEST_F(Command, TakesPrismasUrl) {
  const std::string separator = database.url().find('?') == std::string::npos ? "?" : "&";
  const Ended status = run(
      {"status"}, {{"DATABASE_URL", database.url() + separator +
                                        "schema=public&connection_limit=5&pool_timeout=10&pgbouncer=false"}});
  EXPECT_EQ(status.code, 0) << status.err;
}

}  // namespace
}  // namespace sluice::test
