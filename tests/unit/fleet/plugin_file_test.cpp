#include "fleet/plugin_file.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace sluice::fleet {
namespace {

class PluginFileTest : public testing::Test {
 protected:
  PluginFileTest() { std::filesystem::create_directories(directory_); }
  ~PluginFileTest() override { std::filesystem::remove_all(directory_); }

  void write(const std::string& path, const std::string& content) { std::ofstream(path) << content; }
  static std::string read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  const std::string directory_ = testing::TempDir() + "plugin_file_test." + std::to_string(getpid());
  const std::string path_ = directory_ + "/a.so";
};

TEST_F(PluginFileTest, IsTheSameWhileTheFileIsUnchanged) {
  write(path_, "one");
  const PluginFile file(path_);
  EXPECT_FALSE(file.replaced());
}

TEST_F(PluginFileTest, IsReplacedByAnotherFile) {
  write(path_, "one");
  const PluginFile file(path_);
  write(directory_ + "/b", "one");
  std::filesystem::rename(directory_ + "/b", path_);
  EXPECT_TRUE(file.replaced());
  EXPECT_FALSE(PluginFile(path_).replaced());
}

TEST_F(PluginFileTest, IsReplacedByOtherContent) {
  write(path_, "one");
  const PluginFile file(path_);
  write(path_, "other");
  EXPECT_TRUE(file.replaced());
}

TEST_F(PluginFileTest, IsOverwrittenByOtherContentAlone) {
  write(path_, "one");
  const PluginFile file(path_);
  EXPECT_FALSE(file.overwritten());
  write(directory_ + "/b", "other");
  std::filesystem::rename(directory_ + "/b", path_);
  EXPECT_FALSE(file.overwritten());
  const PluginFile next(path_);
  EXPECT_FALSE(next.same_as(file));
  EXPECT_TRUE(next.same_as(PluginFile(path_)));
  write(path_, "another");
  EXPECT_TRUE(next.overwritten());
  EXPECT_FALSE(next.same_as(PluginFile(path_)));
}

TEST_F(PluginFileTest, IsReplacedIfALinkPointsElsewhere) {
  write(directory_ + "/1", "one");
  write(directory_ + "/2", "one");
  std::filesystem::create_symlink("1", path_);
  const PluginFile file(path_);
  std::filesystem::remove(path_);
  std::filesystem::create_symlink("2", path_);
  EXPECT_TRUE(file.replaced());
}

TEST_F(PluginFileTest, CanBeReadAfterItWasDeleted) {
  write(path_, "one");
  const PluginFile file(path_);
  std::filesystem::remove(path_);
  EXPECT_TRUE(file.replaced());
  EXPECT_EQ(read("/proc/self/fd/" + std::to_string(file.fd())), "one");
}

TEST_F(PluginFileTest, AMissingFileIsReplacedByANewOne) {
  const PluginFile file(path_);
  EXPECT_FALSE(file.replaced());
  write(path_, "one");
  EXPECT_TRUE(file.replaced());
}

}  // namespace
}  // namespace sluice::fleet
