// Plugins that were built against ABI 1.0 must work under this runtime, with all functions of the ABI.
// tests/museum/README.md describes them.
#include <signal.h>

#include <filesystem>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

/// An exhibit: the plugin "museum-<language>". Its types are named after it.
class Museum : public Outbox, public testing::WithParamInterface<const char*> {
 protected:
  Museum() {
#ifndef __x86_64__
    skipped_ = true;
    return;
#endif
    std::filesystem::copy_file(std::string(SLUICE_MUSEUM) + "/" + name_ + ".so",
                               plugins.path() + "/" + name_ + ".so");
    database.exec("CREATE ROLE " + role_ + " NOLOGIN");
    database.exec("CREATE TABLE public.museum (name text, nothing text)");
    database.exec("GRANT INSERT ON public.museum TO " + role_);
    config = scratch.write("museum.toml", scratch.read("sluice.toml") + "[plugin." + name_ + "]\nrole = \"" +
                                              role_ + "\"\n[plugin." + name_ + ".config]\nword = \"kept\"\n");
    const Ended made = sluice({"init"});
    if (made.code != 0) throw std::runtime_error("sluice init failed: " + made.err);
    runtime_ =
        std::make_unique<Program>(std::vector<std::string>{"run", "--log-level", "info"}, environment());
  }
  ~Museum() override {
    if (skipped_) return;
    runtime_->signal(SIGTERM);
    runtime_->wait();
    database.exec("DROP OWNED BY " + role_);
    database.exec("DROP ROLE " + role_);
  }
  void SetUp() override {
    if (skipped_) GTEST_SKIP() << "the exhibits are for x86-64";
  }

  void job(const std::string& action) {
    insert(action, name_ + "." + action);
  }
  /// The output of the only job of `type` that has one.
  std::string output(const std::string& type) {
    return database.value(R"(SELECT o.output->>'word' FROM sluice.output o JOIN "Outbox" j ON j.id = o.job_id
                             WHERE j.type = $1)",
                          {type});
  }
  std::string attempt(const std::string& id) {
    return database.rows("SELECT attempt, result, code FROM sluice.attempt WHERE job_id = '" + id +
                         "' ORDER BY at");
  }

  const std::string name_ = std::string("museum-") + GetParam();
  const std::string role_ = "museum_of_" + database.name();
  std::unique_ptr<Program> runtime_;
  bool skipped_ = false;
};

TEST_P(Museum, ExhibitIsDoneWithOutputProgressAndLog) {
  job("done");
  EXPECT_TRUE(becomes("done", "done")) << error("done") << runtime_->err();
  EXPECT_EQ(output(name_ + ".done"), "kept");
  EXPECT_TRUE(runtime_->says("a job of the exhibit")) << runtime_->err();
}

TEST_P(Museum, ExhibitFailsRetriesAndSnoozes) {
  job("fail");
  job("retry");
  job("snooze");
  EXPECT_TRUE(becomes("fail", "error"));
  EXPECT_TRUE(becomes("retry", "done")) << error("retry");
  EXPECT_TRUE(becomes("snooze", "done")) << error("snooze");
  EXPECT_EQ(error("fail"), "told to fail");
  EXPECT_EQ(attempt("fail"), "1|fail|museum\n");
  EXPECT_EQ(attempt("retry"), "1|retry|museum\n");
  EXPECT_EQ(attempts("snooze"), "1");
}

TEST_P(Museum, ExhibitEnqueuesAndStores) {
  job("follow-up");
  job("effect");
  EXPECT_TRUE(becomes("effect", "done")) << error("effect");
  EXPECT_TRUE(eventually([&] { return output(name_ + ".done") == "kept"; })) << error("follow-up");
  EXPECT_EQ(database.rows("SELECT name, nothing IS NULL FROM public.museum"), name_ + "|t\n");
}

TEST_P(Museum, ExhibitsExceptionOrPanicIsARetry) {
  if (name_ == "museum-c") GTEST_SKIP() << "C has no exceptions";
  job("panic");
  EXPECT_TRUE(becomes("panic", "done")) << error("panic");
  EXPECT_NE(error("panic").find("told to panic"), std::string::npos) << error("panic");
}

INSTANTIATE_TEST_SUITE_P(OfAbi1_0, Museum, testing::Values("c", "cpp", "rust"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace sluice::test
