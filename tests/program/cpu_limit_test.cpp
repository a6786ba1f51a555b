// Jobs that use more processor time than the operator allows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

class CpuLimit : public Outbox {
 protected:
  CpuLimit() {
    config =
        scratch.write("cpu.toml", scratch.read("sluice.toml") +
                                      "cancel_grace = \"300ms\"\n"
                                      "[type.\"test.insider\"]\nmax_attempts = 1\ncpu_limit = \"300ms\"\n");
  }
  std::map<std::string, std::string> surroundings() const {
    auto all = environment();
    all["SLUICE_PLUGIN_DIR"] = directory.path();
    return all;
  }
  std::string code(const std::string& id) {
    return database.value("SELECT code FROM sluice.attempt WHERE job_id = $1 ORDER BY at DESC LIMIT 1", {id});
  }

  PluginDirectory directory{{"bad/insider"}};
};

TEST_F(CpuLimit, EndsAHandlerThatSpinsAndListens) {
  Program runtime({"run"}, surroundings());
  insert("spins", "test.insider", R"({"do":"spin"})");
  ASSERT_TRUE(becomes("spins", "error")) << runtime.err();
  EXPECT_EQ(code("spins"), "cpu-limit");
  EXPECT_THAT(error("spins"),
              MatchesRegex("the job used [0-9.]+ s of CPU, its limit is 300 ms, and stopped when "
                           "it was asked to"));
  EXPECT_TRUE(runtime.says("asked a job to stop, because it used ")) << runtime.err();
  EXPECT_EQ(runtime.err().find("another plugin host takes over"), std::string::npos) << "its host serves on";
}

TEST_F(CpuLimit, KillsTheHostOfAHandlerThatSpinsOn) {
  Program runtime({"run"}, surroundings());
  insert("spins", "test.insider", R"({"do":"spin","deaf":true})");
  ASSERT_TRUE(becomes("spins", "error")) << runtime.err();
  EXPECT_EQ(code("spins"), "cpu-limit");
  EXPECT_THAT(error("spins"),
              HasSubstr("s of CPU, its limit is 300 ms, and did not stop when it was asked to"));
  EXPECT_THAT(database.value("SELECT stack FROM sluice.attempt WHERE job_id = 'spins'"),
              HasSubstr("did not stop"));
  insert("next", "test.insider");
  EXPECT_TRUE(becomes("next", "done")) << runtime.err();
}

TEST_F(CpuLimit, SparesAHandlerThatWaits) {
  Program runtime({"run"}, surroundings());
  insert("waits", "test.insider", R"({"do":"sleep","ms":1500})");
  EXPECT_TRUE(becomes("waits", "done")) << error("waits") << runtime.err();
}

}  // namespace
}  // namespace sluice::test
