#include "workshop/waivers.hpp"

#include <gtest/gtest.h>

namespace sluice::workshop {
namespace {

Finding of(Finding finding, const std::string& check, const std::string& subject = "") {
  finding.check = check;
  finding.subject = subject;
  return finding;
}

TEST(Waivers, AllowOnlyTheNamedChecksToFail) {
  Waivers waivers({{{"leaks", "a.b"}, "a cache"}, {{"exports", ""}, "old linker"}});
  const Finding waived = waivers.judge(of(failed("grew", "find it"), "leaks", "a.b"));
  EXPECT_EQ(waived.verdict, Verdict::waived);
  EXPECT_EQ(waived.reason, "a cache");
  EXPECT_EQ(waived.found, "grew");
  EXPECT_EQ(waivers.judge(of(failed("grew", "find it"), "leaks", "a.c")).verdict, Verdict::failed);
  EXPECT_EQ(waivers.judge(of(failed("x", "y"), "exports")).verdict, Verdict::waived);
  EXPECT_EQ(waivers.judge(of(failed("x", "y"), "symbols")).verdict, Verdict::failed);
  EXPECT_TRUE(waivers.useless().empty());
}

TEST(Waivers, AreReportedIfTheyAreUseless) {
  Waivers waivers({{{"leaks", ""}, "a"}, {{"fuzz", "a.b"}, "b"}, {{"slots", ""}, "c"}});
  EXPECT_EQ(waivers.judge(of(passed("well"), "leaks", "a.b")).verdict, Verdict::passed);
  EXPECT_EQ(waivers.judge(of(skipped("no handlers"), "slots", "a.b")).verdict, Verdict::skipped);
  EXPECT_EQ(waivers.useless(),
            (std::vector<std::string>{"the waiver of 'leaks' is not needed: it passed",
                                      "the waiver of 'fuzz a.b' is not needed: no such check was made"}));
}

TEST(Waivers, ForAllTypesAreUsedIfOneTypeFails) {
  Waivers waivers({{{"leaks", ""}, "a"}});
  waivers.judge(of(passed("well"), "leaks", "a.b"));
  waivers.judge(of(failed("grew", "find it"), "leaks", "a.c"));
  EXPECT_TRUE(waivers.useless().empty());
}

TEST(CheckOptions, SelectAllOrTheChosenChecksMinusTheSkipped) {
  CheckOptions options;
  EXPECT_TRUE(options.wants("fuzz"));
  options.only = {{"fuzz", "a.b"}, {"exports", ""}};
  EXPECT_TRUE(options.wants("fuzz"));
  EXPECT_TRUE(options.wants("fuzz", "a.b"));
  EXPECT_FALSE(options.wants("fuzz", "a.c"));
  EXPECT_TRUE(options.wants("exports"));
  EXPECT_FALSE(options.wants("symbols"));
  options.only.clear();
  options.skip = {{"fuzz", "a.b"}, {"leaks", ""}};
  EXPECT_TRUE(options.wants("fuzz")) << "the check of the other types is still selected";
  EXPECT_FALSE(options.wants("fuzz", "a.b"));
  EXPECT_TRUE(options.wants("fuzz", "a.c"));
  EXPECT_FALSE(options.wants("leaks", "a.c"));
}

}  // namespace
}  // namespace sluice::workshop
