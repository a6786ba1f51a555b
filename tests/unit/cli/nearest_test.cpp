#include "cli/text/nearest.hpp"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

const std::vector<std::string> words{"list", "show", "retry", "delete", "prune"};

TEST(Nearest, FindsAWordWithOneTypingError) {
  EXPECT_EQ(nearest("lst", words), "list");
  EXPECT_EQ(nearest("llist", words), "list");
  EXPECT_EQ(nearest("shew", words), "show");
  EXPECT_EQ(nearest("rtery", words), "retry");
  EXPECT_EQ(nearest("delte", words), "delete");
}

TEST(Nearest, FindsAWordByItsBeginning) {
  EXPECT_EQ(nearest("del", words), "delete");
}

TEST(Nearest, FindsNothingIfNoWordIsSimilar) {
  EXPECT_EQ(nearest("frobnicate", words), "");
  EXPECT_EQ(nearest("", words), "");
  EXPECT_EQ(nearest("list", {}), "");
}

}  // namespace
}  // namespace sluice::cli
