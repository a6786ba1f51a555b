#include "fleet/conflict.hpp"

#include <gtest/gtest.h>

namespace sluice::fleet {
namespace {

using Types = std::vector<std::string>;

bool mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(NameConflicts, RefuseBothIfNoneIsAtWork) {
  const auto refused = name_conflicts({{"/a.so", "mail", {}}, {"/b.so", "mail", {}}, {"/c.so", "pdf", {}}});
  ASSERT_EQ(refused.size(), 2U);
  EXPECT_TRUE(mentions(refused.at(0), "/a.so: found the plugin name 'mail' in /b.so")) << refused.at(0);
  EXPECT_TRUE(mentions(refused.at(1), "/b.so: found the plugin name 'mail' in /a.so")) << refused.at(1);
}

TEST(NameConflicts, LeaveTheOneThatIsAtWork) {
  const auto refused =
      name_conflicts({{"/a.so", "mail", {}}, {"/b.so", "mail", {}, true}, {"/c.so", "mail", {}}});
  ASSERT_EQ(refused.size(), 2U);
  EXPECT_EQ(refused.count(1), 0U);
  EXPECT_TRUE(mentions(refused.at(2), "in /b.so")) << refused.at(2);
}

TEST(ShareTypes, AssignsEachTypeToThePluginThatDeclaresIt) {
  const auto shares = share_types({{"/a.so", "a", {"x", "y"}}, {"/b.so", "b", {"z"}}}, {}, {});
  EXPECT_EQ(shares[0].types, (Types{"x", "y"}));
  EXPECT_EQ(shares[1].types, Types{"z"});
}

TEST(ShareTypes, AssignsATypeOfTwoPluginsToNeither) {
  const auto shares = share_types({{"/a.so", "a", {"x", "y"}}, {"/b.so", "b", {"x"}}}, {}, {});
  EXPECT_EQ(shares[0].types, Types{"y"});
  EXPECT_TRUE(shares[1].types.empty());
  EXPECT_TRUE(mentions(shares[0].refused.at("x"), "/a.so: found job type 'x' in /b.so too, expected"))
      << shares[0].refused.at("x");
}

TEST(ShareTypes, LeavesATypeToThePluginThatServesIt) {
  const auto shares =
      share_types({{"/a.so", "a", {"x"}}, {"/b.so", "b", {"x"}}}, {}, {{"x", {"/b.so", "b"}}});
  EXPECT_TRUE(shares[0].types.empty());
  EXPECT_EQ(shares[1].types, Types{"x"});
  EXPECT_TRUE(mentions(shares[0].refused.at("x"), "in /b.so too, which serves it"))
      << shares[0].refused.at("x");
}

TEST(ShareTypes, APluginKeepsItsTypesWhenItsFileIsRenamed) {
  const auto shares = share_types({{"/mail-2.so", "mail", {"x"}}, {"/other.so", "other", {"x"}}}, {},
                                  {{"x", {"/mail-1.so", "mail"}}});
  EXPECT_EQ(shares[0].types, Types{"x"});
  EXPECT_TRUE(shares[1].types.empty());
}

TEST(ShareTypes, AFileKeepsItsTypesWhenItsPluginIsRenamed) {
  const auto shares =
      share_types({{"/a.so", "new", {"x"}}, {"/b.so", "b", {"x"}}}, {}, {{"x", {"/a.so", "old"}}});
  EXPECT_EQ(shares[0].types, Types{"x"});
}

TEST(ShareTypes, TheConfiguredOwnerTakesPrecedence) {
  const auto shares =
      share_types({{"/a.so", "a", {"x"}}, {"/b.so", "b", {"x"}}}, {{"x", "a"}}, {{"x", {"/b.so", "b"}}});
  EXPECT_EQ(shares[0].types, Types{"x"});
  EXPECT_EQ(shares[1].refused.at("x"), "the configuration assigns it to plugin 'a'");
}

}  // namespace
}  // namespace sluice::fleet
