// A plugin host that dies: the job whose handler did it loses an attempt, and no other job does.
#include "program/outbox.hpp"

namespace sluice::test {
namespace {

struct Death {
  const char* action;
  const char* ending;
};

class Blame : public Outbox, public testing::WithParamInterface<Death> {};

TEST_P(Blame, FallsOnTheJobWhoseHandlerEndedTheProcess) {
  const std::string gate = scratch.path("gate");
  for (const char* id : {"a", "b", "c"})
    insert(id, "test.probe", probe("wait_file", R"(,"gate":")" + gate + '"'));
  Program program({"run"}, environment());
  ASSERT_TRUE(lines_in("started", 3)) << program.err();
  insert("guilty", "test.limits", probe(GetParam().action));
  EXPECT_TRUE(eventually([&] { return status("guilty") == "error" && attempts("guilty") == "2"; }))
      << program.err();
  EXPECT_NE(error("guilty").find(GetParam().ending), std::string::npos) << error("guilty");
  EXPECT_TRUE(program.says("plugin host died"));
  EXPECT_NE(program.err().find(R"("job":"guilty")"), std::string::npos) << program.err();
  scratch.write("gate-1", "");
  for (const char* id : {"a", "b", "c"}) {
    EXPECT_TRUE(becomes(id, "done")) << id;
    EXPECT_EQ(attempts(id), "1") << id;
  }
  EXPECT_EQ(count("status = 'done'"), "3");
}

INSTANTIATE_TEST_SUITE_P(Of, Blame,
                         testing::Values(Death{"crash", "was killed by signal 11"},
                                         Death{"abort", "was killed by signal 6"},
                                         Death{"exit", "ended with exit status 0"},
                                         Death{"overflow_stack", "was killed by signal 11"}),
                         [](const auto& death) { return std::string(death.param.action); });

}  // namespace
}  // namespace sluice::test
