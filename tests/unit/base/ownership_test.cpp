#include "base/ownership.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/refusal.hpp"

namespace sluice::base {
namespace {

namespace fs = std::filesystem;

class OwnershipTest : public testing::Test {
 protected:
  OwnershipTest() {
    fs::create_directories(directory_ + "/real/inner");
    std::ofstream(directory_ + "/real/inner/a.so") << "x";
    for (const char* path : {"", "/real", "/real/inner", "/real/inner/a.so"})
      chmod((directory_ + path).c_str(), 0755);
  }
  ~OwnershipTest() override { fs::remove_all(directory_); }

  /// The names on the way, from the test's directory on.
  std::string way(const std::string& path) const {
    std::string names;
    for (const WayPoint& point : way_to(directory_ + path)) {
      if (point.path.size() > directory_.size()) names += point.path.substr(directory_.size()) + " ";
    }
    return names;
  }
  bool is_refused(const std::string& path, Ownership rule = Ownership::check) const {
    try {
      check_ownership(directory_ + path, "a file", rule);
      return false;
    } catch (const Refusal&) {
      return true;
    }
  }

  const std::string directory_ =
      fs::canonical(testing::TempDir()).string() + "/ownership_test." + std::to_string(getpid());
};

TEST_F(OwnershipTest, FollowsEachLinkOnTheWay) {
  fs::create_symlink("real", directory_ + "/link");
  fs::create_symlink("../inner/a.so", directory_ + "/real/inner/b.so");
  EXPECT_EQ(way("/link/inner/b.so"),
            "/link /real /real/inner /real/inner/b.so /real/inner /real/inner/a.so ");
  EXPECT_EQ(way("/real/./inner/../inner/a.so"), "/real /real/inner /real/inner /real/inner/a.so ");
}

TEST_F(OwnershipTest, EndsWhereSomethingIsMissingOrLinksGoRound) {
  EXPECT_EQ(way("/none/a.so"), "");
  fs::create_symlink("round", directory_ + "/round");
  EXPECT_LT(way_to(directory_ + "/round/a.so").size(), 100U);
}

TEST_F(OwnershipTest, RefusesWhatEverybodyMayWriteTo) {
  EXPECT_FALSE(is_refused("/real/inner/a.so"));
  chmod((directory_ + "/real").c_str(), 0777);
  EXPECT_TRUE(is_refused("/real/inner/a.so"));
  EXPECT_FALSE(is_refused("/real/inner/a.so", Ownership::ignore));
  chmod((directory_ + "/real").c_str(), 01777);
  EXPECT_FALSE(is_refused("/real/inner/a.so"));
  chmod((directory_ + "/real/inner").c_str(), 01777);
  EXPECT_TRUE(is_refused("/real/inner/a.so")) << "files can be added to it";
}

TEST_F(OwnershipTest, FindsWhatAGroupMayWriteTo) {
  const std::string file = directory_ + "/real/inner/a.so";
  EXPECT_EQ(group_writable(file), "");
  chmod(file.c_str(), 0775);
  EXPECT_EQ(group_writable(file), file);
  EXPECT_FALSE(is_refused("/real/inner/a.so"));
  EXPECT_TRUE(is_refused("/real/inner/a.so", Ownership::strict));
  chmod((directory_ + "/real").c_str(), 0775);
  EXPECT_EQ(group_writable(file), directory_ + "/real") << "the first one";
}

}  // namespace
}  // namespace sluice::base
