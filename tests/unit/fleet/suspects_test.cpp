#include "fleet/suspects.hpp"

#include <gtest/gtest.h>

namespace sluice::fleet {
namespace {

TEST(Suspects, AreForgottenWhenTheyAreCleared) {
  Suspects suspects;
  EXPECT_TRUE(suspects.empty());
  suspects.insert("a");
  suspects.insert("a");
  EXPECT_TRUE(suspects.contains("a"));
  suspects.erase("a");
  suspects.erase("b");
  EXPECT_FALSE(suspects.contains("a"));
  EXPECT_TRUE(suspects.empty());
}

TEST(Suspects, MakeRoomForNewOnesByTheOldest) {
  Suspects suspects(3);
  for (const char* job : {"a", "b", "c", "a", "d"}) suspects.insert(job);
  EXPECT_FALSE(suspects.contains("b"));
  for (const char* job : {"a", "c", "d"}) EXPECT_TRUE(suspects.contains(job)) << job;
}

}  // namespace
}  // namespace sluice::fleet
