#include "dashboard/reloads.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace sluice::dashboard {
namespace {

class FakeControl : public RuntimeControl {
 public:
  std::string trouble(const store::RuntimeReport&) const override { return ""; }
  void check(const ReloadWish&) const override {}
  std::vector<ReloadResult> reload(const ReloadWish& wish,
                                   const std::function<void(const std::string&)>& asked,
                                   const std::function<bool()>& gives_up) override {
    asked("7");
    if (wish.what == ReloadWish::What::abort) throw std::runtime_error("the database is away");
    while (wish.what == ReloadWish::What::canary && !gives_up())
      base::sleep_for(std::chrono::milliseconds(1));
    return {{7, 42, "", {{"mail", "2.0", 3, "replaced", "/p/mail.so", ""}}}};
  }
  std::string drain(const store::RuntimeReport&) override { return ""; }
};

TEST(Reloads, AQuickOneIsOverWhenItsCallerGoesOn) {
  FakeControl control;
  Reloads reloads;
  EXPECT_FALSE(reloads.last());
  std::string runtimes;
  EXPECT_TRUE(reloads.start(control, {}, "ann", [&](const std::string& ids) { runtimes = ids; }));
  const auto state = reloads.last();
  ASSERT_TRUE(state);
  EXPECT_TRUE(state->over);
  EXPECT_EQ(state->actor, "ann");
  EXPECT_EQ(runtimes, "7");
  ASSERT_EQ(state->results.size(), 1U);
  EXPECT_EQ(state->results[0].changes.at(0).version, "2.0");
}

TEST(Reloads, AFailureIsShown) {
  FakeControl control;
  Reloads reloads;
  reloads.start(control, {ReloadWish::What::abort, "", ""}, "ann", [](const std::string&) {});
  EXPECT_EQ(reloads.last()->error, "the database is away");
}

TEST(Reloads, OneIsUnderWayAtATimeAndTheEndWaitsForNoRuntime) {
  FakeControl control;
  Reloads reloads;
  EXPECT_TRUE(reloads.start(
      control, {ReloadWish::What::canary, "5%", ""}, "ann", [](const std::string&) {},
      std::chrono::milliseconds(0)));
  EXPECT_FALSE(reloads.last()->over);
  EXPECT_FALSE(reloads.start(control, {}, "bob", [](const std::string&) {}));
  EXPECT_EQ(reloads.last()->actor, "ann");
}

TEST(Reloads, HaveNames) {
  for (const char* const word : {"reload", "canary", "promote", "abort", "rollback"}) {
    ASSERT_TRUE(parse_reload(word));
    EXPECT_STREQ(name(*parse_reload(word)), word);
  }
  EXPECT_FALSE(parse_reload("burn"));
}

}  // namespace
}  // namespace sluice::dashboard
