// SIGHUP and sluice reload: new plugin files are loaded while jobs run.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

std::string built(const std::string& plugin) {
  return SLUICE_TEST_PLUGINS "/" + plugin + ".so";
}

class Reload : public Outbox {
 protected:
  Reload() { settings(""); }

  /// Puts a built plugin into the plugin directory as `file`, by renaming, as a deployment does.
  void put(const std::string& plugin, const std::string& file) {
    std::filesystem::copy_file(built(plugin), at("new"));
    std::filesystem::rename(at("new"), at(file));
  }
  /// The same with a file that was not copied completely.
  void put_half(const std::string& plugin, const std::string& file) {
    std::filesystem::copy_file(built(plugin), at("new"));
    std::filesystem::resize_file(at("new"), std::filesystem::file_size(at("new")) / 2);
    std::filesystem::rename(at("new"), at(file));
  }
  std::string at(const std::string& file) const { return plugins.scratch().path(file); }

  /// Writes the configuration, with `more` at its end.
  void settings(const std::string& more, const std::string& drain_timeout = "25s") {
    config = scratch.write(
        "sluice.toml",
        "[plugins]\nstart_timeout = \"" + start_timeout + "\"\n[retry]\nbackoff_first = \"10ms\"\n" +
            "[runtime]\npoll_interval = \"20ms\"\ncancel_grace = \"200ms\"\ndrain_timeout = \"" +
            drain_timeout + "\"\n" + more);
  }

  Program& start() {
    program_ = std::make_unique<Program>(std::vector<std::string>{"run"}, environment());
    EXPECT_TRUE(program_->says("plugins loaded")) << program_->err();
    return *program_;
  }
  /// Sends SIGHUP and waits until the reload is finished.
  ::testing::AssertionResult reload() {
    const std::size_t before = program_->said(R"("reloaded")");
    program_->signal(SIGHUP);
    if (eventually([&] { return program_->said(R"("reloaded")") > before; }))
      return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << program_->err();
  }

  std::string job(const std::string& more = "") const {
    return "{\"file\":\"" + scratch.path("ran") + "\"" + more + "}";
  }
  std::string ran() const { return scratch.read("ran"); }
  /// Inserts a job whose handler waits for the file "go". Returns true when the handler has begun.
  bool insert_long(const std::string& id) {
    const std::string go = scratch.path("go");
    insert(id, "test.edition", job(",\"until\":\"" + go + "\""));
    return eventually([&] { return std::filesystem::exists(go + ".waits"); });
  }
  /// The version and greeting from the line of a job that ran.
  std::string ran_by(const std::string& id) const {
    std::istringstream lines(ran());
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(id + " 1 ")) return line.substr(id.size() + 3);
    }
    return "";
  }
  /// Inserts a job and waits until it is done. Returns ran_by(), or the status if it is not done.
  std::string runs(const std::string& id, const std::string& type) {
    insert(id, type, job());
    return becomes(id, "done") ? ran_by(id) : status(id);
  }
  void expect_each_ran_once(int jobs) {
    EXPECT_EQ(count("status = 'done' AND attempts = 1"), std::to_string(jobs));
    const std::string lines = ran();
    EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), jobs);
    EXPECT_EQ(database.value("SELECT count(*) FROM sluice.attempt"), "0");
  }

  std::unique_ptr<Program> program_;
  std::string start_timeout = "10s";
};

TEST_F(Reload, SwitchesAPluginOffAndOnAgain) {
  settings("[plugin.probe]\nenabled = false\n");
  Program& program = start();
  insert("a", "test.probe");
  EXPECT_NE(program.err().find("plugin disabled by its settings"), std::string::npos) << program.err();
  EXPECT_TRUE(eventually(
      [&] { return database.value("SELECT state FROM sluice.plugin WHERE name = 'probe'") == "disabled"; }));
  EXPECT_EQ(status("a"), "pending");
  settings("");
  program.signal(SIGHUP);
  EXPECT_TRUE(becomes("a", "done")) << program.err();
  EXPECT_TRUE(eventually(
      [&] { return database.value("SELECT state FROM sluice.plugin WHERE name = 'probe'") == "ready"; }));
  settings("[plugin.probe]\nenabled = false\n");
  program.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] {
    return database.value("SELECT state FROM sluice.plugin WHERE name = 'probe'") == "disabled";
  })) << program.err();
  insert("b", "test.probe");
  EXPECT_EQ(sluice({"reload", "--wait"}).code, 0);
  EXPECT_EQ(status("b"), "pending");
}

TEST_F(Reload, LoadsANewVersionWhileJobsRun) {
  put("editions/edition_1", "edition.so");
  start();
  insert_many(3000, "test.edition", job());
  ASSERT_TRUE(lines_in("ran", 100));
  put("editions/edition_2", "edition.so");
  ASSERT_TRUE(reload());
  EXPECT_EQ(runs("after", "test.edition"), "2.0.0 none");
  EXPECT_TRUE(eventually([&] { return count("status = 'done'") == "3001"; })) << program_->err();
  expect_each_ran_once(3001);
  EXPECT_NE(ran().find(" 1.0.0 "), std::string::npos);
  EXPECT_TRUE(program_->says(R"("plugin replaced","plugin":"edition","version":"2.0.0","generation":2)"))
      << program_->err();
}

TEST_F(Reload, TheOldVersionWorksUntilTheNewOneIsReady) {
  settings("[plugin.edition.config]\ngate = \"" + scratch.path("gate") + "\"\n");
  scratch.write("gate", "");
  put("editions/edition_1", "edition.so");
  Program& program = start();
  std::filesystem::remove(scratch.path("gate"));
  put("editions/edition_2", "edition.so");
  program.signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return program.children().size() == 3; }))
      << "the hosts are probe, the old edition and the new one";
  EXPECT_EQ(runs("a", "test.edition"), "1.0.0 none");
  EXPECT_EQ(runs("b", "test.movable"), "1.0.0 none");
  scratch.write("gate", "");
  ASSERT_TRUE(program.says(R"("reloaded")"));
  EXPECT_EQ(runs("c", "test.edition"), "2.0.0 none");
  EXPECT_EQ(runs("d", "test.added"), "2.0.0 none");
  insert("dropped", "test.movable", job());
  EXPECT_EQ(runs("e", "test.edition"), "2.0.0 none");
  EXPECT_EQ(status("dropped"), "pending");
}

TEST_F(Reload, ASecondSignalIsNotLost) {
  settings("[plugin.edition.config]\ngate = \"" + scratch.path("gate") + "\"\n");
  scratch.write("gate", "");
  put("editions/edition_1", "edition.so");
  Program& program = start();
  std::filesystem::remove(scratch.path("gate"));
  put("editions/edition_2", "edition.so");
  program.signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return program.children().size() == 3; }));
  put("editions/mover", "mover.so");
  program.signal(SIGHUP);
  ASSERT_TRUE(program.says("when all plugins that are loading"));
  scratch.write("gate", "");
  EXPECT_EQ(runs("a", "test.mover"), "1.0.0 none");
  EXPECT_EQ(program_->said(R"("reloaded")"), 2U);
}

TEST_F(Reload, TheOldVersionContinuesIfTheNewFileIsRefused) {
  start_timeout = "2s";
  settings("");
  put("editions/edition_1", "edition.so");
  start();
  put_half("editions/edition_2", "edition.so");
  ASSERT_TRUE(reload());
  EXPECT_EQ(program_->said("plugin refused, the present version continues"), 1U) << program_->err();
  EXPECT_EQ(runs("truncated", "test.edition"), "1.0.0 none");
  for (const char* bad :
       {"bad/crash_static", "bad/crash_init", "bad/failing_init", "bad/failing_slot", "bad/hang_init"}) {
    const std::size_t before = program_->said("plugin refused, the present version continues");
    put(bad, "edition.so");
    ASSERT_TRUE(reload());
    EXPECT_EQ(program_->said("plugin refused, the present version continues"), before + 1)
        << bad << program_->err();
    EXPECT_EQ(runs(bad, "test.edition"), "1.0.0 none");
  }
  put("editions/edition_2", "edition.so");
  ASSERT_TRUE(reload());
  EXPECT_EQ(runs("last", "test.edition"), "2.0.0 none");
}

TEST_F(Reload, ARemovedPluginFinishesItsJobsAndGetsNoMore) {
  put("editions/edition_1", "edition.so");
  Program& program = start();
  ASSERT_TRUE(insert_long("long"));
  ASSERT_EQ(program.children().size(), 2U);
  std::filesystem::remove(at("edition.so"));
  ASSERT_TRUE(reload());
  EXPECT_TRUE(program.says("plugin removed"));
  insert("late", "test.edition", job());
  insert("other", "test.probe");
  EXPECT_TRUE(becomes("other", "done"));
  EXPECT_EQ(status("late"), "pending");
  EXPECT_EQ(program.children().size(), 2U) << "the host still has a job";
  scratch.write("go", "");
  EXPECT_TRUE(becomes("long", "done"));
  EXPECT_TRUE(eventually([&] { return program.children().size() == 1; }));
  put("editions/edition_2", "edition.so");
  ASSERT_TRUE(reload());
  EXPECT_TRUE(becomes("late", "done"));
  EXPECT_EQ(ran_by("late"), "2.0.0 none");
  EXPECT_EQ(count("status = 'done' AND attempts = 1"), "3");
}

TEST_F(Reload, ATypeMovesWhenItsPluginNoLongerDeclaresIt) {
  put("editions/edition_1", "edition.so");
  start();
  put("editions/mover", "mover.so");
  ASSERT_TRUE(reload());
  EXPECT_TRUE(program_->says("edition.so too, which serves it")) << program_->err();
  EXPECT_EQ(runs("a", "test.mover"), "1.0.0 none");
  insert("b", "test.movable", job());
  EXPECT_TRUE(becomes("b", "done"));
  const auto serves_movable = [&](const std::string& plugin) {
    return eventually([&] {
      return database.value("SELECT plugin FROM sluice.job_type WHERE type = 'test.movable'") == plugin;
    });
  };
  EXPECT_TRUE(serves_movable("edition"));
  put("editions/edition_2", "edition.so");
  ASSERT_TRUE(reload());
  insert("c", "test.movable", job());
  EXPECT_TRUE(becomes("c", "done"));
  EXPECT_TRUE(serves_movable("mover"));
}

TEST_F(Reload, APluginMayMoveToAnotherFile) {
  put("editions/edition_1", "edition-1.so");
  start();
  EXPECT_EQ(runs("a", "test.edition"), "1.0.0 none");
  put("editions/edition_2", "edition-2.so");
  ASSERT_TRUE(reload());
  EXPECT_TRUE(program_->says("found the plugin name 'edition' in")) << "both files exist";
  EXPECT_EQ(runs("b", "test.edition"), "1.0.0 none");
  std::filesystem::remove(at("edition-1.so"));
  ASSERT_TRUE(reload());
  EXPECT_EQ(runs("c", "test.edition"), "2.0.0 none");
}

TEST_F(Reload, TwentyTimesWhileJobsRun) {
  put("editions/edition_1", "edition.so");
  Program& program = start();
  constexpr int batch = 100;
  int jobs = 0;
  for (int round = 1; round <= 20; ++round) {
    database.value(R"(WITH made AS (INSERT INTO "Outbox" (id, type, payload, "updatedAt")
                      SELECT 'round-' || $1::text || '-' || i, 'test.edition', $2::jsonb, now() FROM generate_series(1, 100) i
                      RETURNING 1) SELECT count(*) FROM made)",
                   {std::to_string(round), job()});
    jobs += batch;
    put(round % 2 == 0 ? "editions/edition_1" : "editions/edition_2", "edition.so");
    ASSERT_TRUE(reload());
  }
  EXPECT_TRUE(eventually([&] { return count("status = 'done'") == std::to_string(jobs); })) << program.err();
  expect_each_ran_once(jobs);
  EXPECT_TRUE(program.says(R"("generation":21)"));
  EXPECT_TRUE(eventually([&] { return program.children().size() == 2; })) << "no old host may remain";
}

TEST_F(Reload, AnOldHostExistsUntilItsJobHasEnded) {
  put("editions/edition_1", "edition.so");
  Program& program = start();
  ASSERT_TRUE(insert_long("long"));
  put("editions/edition_2", "edition.so");
  ASSERT_TRUE(reload());
  put("editions/edition_1", "edition.so");
  ASSERT_TRUE(reload());
  EXPECT_EQ(runs("short", "test.edition"), "1.0.0 none");
  EXPECT_TRUE(eventually([&] { return program.children().size() == 3; }))
      << "the host of the second version must end at once";
  scratch.write("go", "");
  EXPECT_TRUE(becomes("long", "done"));
  EXPECT_TRUE(eventually([&] { return program.children().size() == 2; }));
  expect_each_ran_once(2);
}

TEST_F(Reload, AJobKilledInTheOldHostRunsAgainInTheNewOne) {
  settings("", "100ms");
  put("editions/edition_1", "edition.so");
  Program& program = start();
  insert("hangs", "test.probe", probe("hang"));
  ASSERT_TRUE(insert_long("long"));
  ASSERT_TRUE(lines_in("started", 1));
  put("editions/edition_2", "edition.so");
  put("good/probe", "probe.so");
  ASSERT_TRUE(reload());
  EXPECT_TRUE(lines_in("started", 2)) << "the job must be killed and started again: " << program.err();
  scratch.write("go", "");
  EXPECT_TRUE(becomes("long", "done"));
  EXPECT_EQ(ran_by("long"), "2.0.0 none");
  EXPECT_TRUE(eventually([&] { return attempts("hangs") == "1"; }));
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.attempt"), "0");
}

TEST_F(Reload, AppliesNewSettingsOfPluginsAndTypes) {
  put("editions/edition_1", "edition.so");
  Program& program = start();
  EXPECT_EQ(runs("a", "test.edition"), "1.0.0 none");
  settings("[plugin.edition.config]\ngreeting = \"hello\"\n[type.\"test.edition\"]\nmax_attempts = 7\n",
           "24s");
  ASSERT_TRUE(reload());
  EXPECT_EQ(runs("b", "test.edition"), "1.0.0 hello");
  EXPECT_TRUE(eventually([&] {
    return database.value("SELECT max_attempts FROM sluice.job_type WHERE type = 'test.edition'") == "7";
  }));
  EXPECT_TRUE(program.says(R"("keys":"runtime.drain_timeout")")) << program.err();
  EXPECT_EQ(program_->said(R"("plugin replaced")"), 1U) << "probe must not be replaced";

  settings("[plugin.edition.config]\nrefuse = true\n");
  ASSERT_TRUE(reload());
  EXPECT_EQ(runs("c", "test.edition"), "1.0.0 hello");

  settings("[plugin.edition\n");
  program.signal(SIGHUP);
  ASSERT_TRUE(program.says("not reloading, everything stays as it is: ")) << program.err();
  EXPECT_EQ(runs("d", "test.edition"), "1.0.0 hello");
}

TEST_F(Reload, TriesARefusedPluginAgain) {
  settings("[plugin.edition.config]\nrefuse = true\n");
  put("editions/edition_1", "edition.so");
  Program& program = start();
  ASSERT_TRUE(program.says("plugin refused")) << program.err();
  ASSERT_TRUE(reload());
  EXPECT_EQ(program_->said("plugin refused"), 2U);
  settings("");
  ASSERT_TRUE(reload());
  EXPECT_EQ(runs("a", "test.edition"), "1.0.0 none");
}

TEST_F(Reload, ADeadHostIsRestartedFromItsOwnFile) {
  put("editions/edition_1", "edition.so");
  Program& program = start();
  put("bad/crash_init", "edition.so");
  ASSERT_TRUE(reload());
  ASSERT_TRUE(insert_long("a"));
  for (const pid_t host : program.children()) kill(host, SIGKILL);
  scratch.write("go", "");
  EXPECT_TRUE(becomes("a", "done"));
  EXPECT_EQ(runs("b", "test.edition"), "1.0.0 none");
}

TEST_F(Reload, RollsBackToTheFileThatWasReplaced) {
  put("editions/edition_1", "edition.so");
  start();
  put("editions/edition_2", "edition.so");
  ASSERT_TRUE(reload());
  EXPECT_EQ(runs("new", "test.edition"), "2.0.0 none");
  const Ended back = sluice({"reload", "--rollback", "--wait"});
  EXPECT_EQ(back.code, 0) << back.out << back.err;
  EXPECT_NE(back.out.find("edition  1.0.0             3  replaced"), std::string::npos) << back.out;
  EXPECT_EQ(runs("old", "test.edition"), "1.0.0 none");
  for (const pid_t host : program_->children()) kill(host, SIGKILL);
  EXPECT_EQ(runs("restarted", "test.edition"), "1.0.0 none");
  const Ended plain = sluice({"reload", "--wait"});
  EXPECT_EQ(plain.code, 1);
  EXPECT_NE(plain.out.find("rolled back from version 2.0.0 to version 1.0.0"), std::string::npos)
      << plain.out;
  EXPECT_EQ(runs("still", "test.edition"), "1.0.0 none");
  EXPECT_EQ(
      database.value("SELECT filter->>'what' FROM sluice.audit WHERE action = 'reload' ORDER BY id LIMIT 1"),
      "rollback");
  expect_each_ran_once(4);
}

TEST_F(Reload, ASecondRollbackUndoesTheFirst) {
  put("editions/edition_1", "edition.so");
  start();
  put("editions/edition_2", "edition.so");
  ASSERT_TRUE(reload());
  EXPECT_EQ(sluice({"reload", "--rollback", "--wait"}).code, 0);
  EXPECT_EQ(sluice({"reload", "--rollback", "--wait"}).code, 0);
  EXPECT_EQ(runs("a", "test.edition"), "2.0.0 none");
  EXPECT_TRUE(eventually([&] {
    return database.value("SELECT version || reason FROM sluice.plugin WHERE path LIKE '%edition.so'") ==
           "2.0.0";
  }));
  EXPECT_EQ(sluice({"reload", "--wait"}).code, 0) << "nothing is refused any more";
}

TEST_F(Reload, ANewFileAfterARollbackIsLoaded) {
  put("editions/edition_1", "edition.so");
  start();
  put("editions/edition_2", "edition.so");
  ASSERT_TRUE(reload());
  EXPECT_EQ(sluice({"reload", "--rollback", "--wait"}).code, 0);
  put("editions/edition_2", "edition.so");
  EXPECT_EQ(sluice({"reload", "--wait"}).code, 0);
  EXPECT_EQ(runs("a", "test.edition"), "2.0.0 none");
}

TEST_F(Reload, AfterARollbackNewSettingsApplyToTheFormerFile) {
  put("editions/edition_1", "edition.so");
  start();
  put("editions/edition_2", "edition.so");
  ASSERT_TRUE(reload());
  EXPECT_EQ(sluice({"reload", "--rollback", "--wait"}).code, 0);
  settings("[plugin.edition.config]\ngreeting = \"hello\"\n");
  const Ended plain = sluice({"reload", "--wait"});
  EXPECT_NE(plain.out.find("edition  1.0.0             4  replaced"), std::string::npos)
      << plain.out << plain.err;
  EXPECT_NE(plain.out.find("rolled back from version 2.0.0"), std::string::npos) << plain.out;
  EXPECT_EQ(runs("a", "test.edition"), "1.0.0 hello");
  EXPECT_NE(sluice({"reload", "--wait"}).out.find("rolled back from version 2.0.0"), std::string::npos);
  EXPECT_EQ(runs("b", "test.edition"), "1.0.0 hello");
  settings("");
  EXPECT_EQ(sluice({"reload", "--wait"}).code, 1);
  EXPECT_EQ(runs("c", "test.edition"), "1.0.0 none") << "the settings of before";
}

TEST_F(Reload, AfterARollbackAPluginThatWasSwitchedOffKeepsItsFormerFile) {
  put("editions/edition_1", "edition.so");
  start();
  put("editions/edition_2", "edition.so");
  ASSERT_TRUE(reload());
  EXPECT_EQ(sluice({"reload", "--rollback", "--wait"}).code, 0);
  settings("[plugin.edition]\nenabled = false\n");
  ASSERT_TRUE(reload());
  settings("");
  ASSERT_TRUE(reload());
  EXPECT_EQ(runs("a", "test.edition"), "1.0.0 none");
}

TEST_F(Reload, AllThatOneReloadReplacedGoesBackTogether) {
  const std::string needed = scratch.write("needed", "");
  settings("[plugin.edition.config]\nneeds = \"" + needed + "\"\n");
  put("editions/edition_1", "edition.so");
  put("good/probe", "probe.so");
  start();
  put("editions/edition_2", "edition.so");
  put("good/probe", "probe.so");
  ASSERT_TRUE(reload());
  std::filesystem::remove(needed);
  const Ended refused = sluice({"reload", "--rollback", "--wait"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.out.find("goes back together"), std::string::npos) << refused.out;
  EXPECT_EQ(runs("a", "test.edition"), "2.0.0 none");
  scratch.write("needed", "");
  const Ended back = sluice({"reload", "--rollback", "--wait"});
  EXPECT_EQ(back.code, 0) << back.out << back.err;
  EXPECT_NE(back.out.find("probe "), std::string::npos) << back.out;
  EXPECT_EQ(runs("b", "test.edition"), "1.0.0 none");
}

TEST_F(Reload, ARemovedPluginHasNoFormerFile) {
  put("editions/edition_1", "edition.so");
  start();
  put("editions/edition_2", "edition.so");
  ASSERT_TRUE(reload());
  std::filesystem::remove(at("edition.so"));
  ASSERT_TRUE(reload());
  put("editions/edition_2", "edition.so");
  ASSERT_TRUE(reload());
  const Ended none = sluice({"reload", "--rollback", "--wait"});
  EXPECT_EQ(none.code, 1);
  EXPECT_NE(none.out.find("no plugin was replaced since the start"), std::string::npos) << none.out;
}

TEST_F(Reload, RollsBackFromAVersionThatDoesNotWorkAnyMore) {
  const std::string needed = scratch.write("needed", "");
  settings("[plugin.edition.config]\nneeds = \"" + needed + "\"\n");
  put("editions/edition_1", "edition.so");
  start();
  put("editions/edition_2", "edition.so");
  ASSERT_TRUE(reload());
  std::filesystem::remove(needed);
  for (const pid_t host : program_->children()) kill(host, SIGKILL);
  ASSERT_TRUE(eventually([&] {
    return database.value("SELECT state FROM sluice.plugin WHERE path LIKE '%edition.so'") == "refused";
  })) << program_->err();
  scratch.write("needed", "");
  const Ended back = sluice({"reload", "--rollback", "--wait"});
  EXPECT_EQ(back.code, 0) << back.out << back.err;
  EXPECT_EQ(runs("a", "test.edition"), "1.0.0 none");
  EXPECT_NE(sluice({"reload", "--wait"}).out.find("rolled back from version 2.0.0"), std::string::npos);
  EXPECT_EQ(runs("b", "test.edition"), "1.0.0 none");
}

TEST_F(Reload, RollsBackOnlyWhatTheLastReloadReplaced) {
  put("editions/edition_1", "edition.so");
  put("good/probe", "probe.so");
  start();
  put("editions/edition_2", "edition.so");
  ASSERT_TRUE(reload());
  put("good/probe", "probe.so");
  ASSERT_TRUE(reload());
  const Ended back = sluice({"reload", "--rollback", "--wait"});
  EXPECT_EQ(back.code, 0) << back.out << back.err;
  EXPECT_NE(back.out.find("probe "), std::string::npos) << back.out;
  EXPECT_EQ(back.out.find("edition "), std::string::npos) << back.out;
  EXPECT_EQ(runs("a", "test.edition"), "2.0.0 none");
}

TEST_F(Reload, SaysWhyNothingIsRolledBack) {
  put("editions/edition_1", "edition.so");
  start();
  const Ended none = sluice({"reload", "--rollback", "--wait"});
  EXPECT_EQ(none.code, 1);
  EXPECT_NE(none.out.find("no plugin was replaced since the start"), std::string::npos) << none.out;
  std::filesystem::create_hard_link(at("edition.so"), at("former"));
  put("editions/edition_2", "edition.so");
  ASSERT_TRUE(reload());
  std::ofstream(at("former"), std::ios::app) << "more";
  const Ended gone = sluice({"reload", "--rollback", "--wait"});
  EXPECT_EQ(gone.code, 1);
  EXPECT_NE(gone.out.find("was overwritten"), std::string::npos) << gone.out;
}

TEST_F(Reload, ADrainIgnoresReloads) {
  put("editions/edition_1", "edition.so");
  insert("a", "test.edition", job(",\"until\":\"" + scratch.path("go") + "\""));
  Program drain({"drain"}, environment());
  ASSERT_TRUE(becomes("a", "processing"));
  drain.signal(SIGHUP);
  EXPECT_TRUE(drain.says("not reloading, because a drain keeps"));
  scratch.write("go", "");
  EXPECT_EQ(drain.wait(), 0) << drain.err();
  EXPECT_EQ(status("a"), "done");
}

TEST_F(Reload, TheCommandReportsTheResult) {
  put("editions/edition_1", "edition.so");
  Program& program = start();
  const Ended idle = sluice({"reload", "--wait"});
  EXPECT_EQ(idle.code, 0) << idle.err;
  EXPECT_NE(idle.out.find("(process " + std::to_string(program.pid()) + "): nothing has changed"),
            std::string::npos)
      << idle.out;
  put("editions/edition_2", "edition.so");
  const Ended replaced = sluice({"reload", "--wait"});
  EXPECT_EQ(replaced.code, 0) << replaced.err;
  EXPECT_NE(replaced.out.find("edition  2.0.0             2  replaced"), std::string::npos) << replaced.out;
  put("bad/failing_init", "edition.so");
  const Ended refused = sluice({"reload", "--wait"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.out.find("connection refused"), std::string::npos) << refused.out;
  EXPECT_NE(refused.out.find("generation 2 continues"), std::string::npos) << refused.out;
  settings("[runtime\n");
  Program command({"reload", "--wait"}, {{"DATABASE_URL", database.url()}});
  EXPECT_EQ(command.wait(), 1);
  EXPECT_NE(command.out().find("was not changed: "), std::string::npos) << command.out() << command.err();
  const Ended asked = run({"reload"}, {{"DATABASE_URL", database.url()}});
  EXPECT_EQ(asked.code, 0) << asked.err;
  EXPECT_NE(asked.out.find("asked runtime"), std::string::npos) << asked.out;
}

TEST_F(Reload, TheCommandSaysThatNoRuntimeIsHere) {
  const Ended none = sluice({"reload"});
  EXPECT_EQ(none.code, 1);
  EXPECT_NE(none.err.find("is alive on this host"), std::string::npos) << none.err;
}

TEST_F(Reload, TheCommandSignalsOnlyRuntimes) {
  // Rows that claim that this test, and a process that has ended, are runtimes.
  const pid_t ended = fork();
  if (ended == 0) _exit(0);
  waitpid(ended, nullptr, 0);
  for (const pid_t pid : {getpid(), ended}) {
    database.value(
        "INSERT INTO sluice.runtime (host, pid, version, command) VALUES ($1, $2::int, '1', 'run') RETURNING "
        "1",
        {host_name(), std::to_string(pid)});
  }
  const Ended stranger = sluice({"reload"});
  EXPECT_EQ(stranger.code, 1) << "no process may be signalled";
  EXPECT_NE(stranger.err.find("is a different process now (program_test)"), std::string::npos)
      << stranger.err;
  EXPECT_NE(stranger.err.find("there is no process " + std::to_string(ended)), std::string::npos)
      << stranger.err;
}

TEST_F(Reload, TheCommandDoesNotSignalARuntimeYoungerThanItsRow) {
  Program& program = start();
  database.exec("UPDATE sluice.runtime SET started_at = now() - interval '1 day'");
  EXPECT_EQ(sluice({"reload"}).code, 1);
  EXPECT_EQ(program_->said(R"("reloading")"), 0U) << program.err();
}

}  // namespace
}  // namespace sluice::test
