#include "workshop/source_watch.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <memory>

#include "support/scratch.hpp"

namespace sluice::workshop {
namespace {

namespace fs = std::filesystem;
using Files = std::set<std::string>;

class SourceWatchTest : public testing::Test {
 protected:
  SourceWatchTest() {
    for (const std::string folder : {"src/deep", "build/inner", ".git", "build-asan", "target"})
      fs::create_directories(scratch.path(folder));
    scratch.write("build-asan/CMakeCache.txt", "");
    scratch.write("target/CACHEDIR.TAG", "");
    watch = std::make_unique<SourceWatch>(scratch.path(), scratch.path("build"));
  }
  bool waiting() const {
    pollfd one{watch->fd(), POLLIN, 0};
    return poll(&one, 1, 0) == 1;
  }

  test::Scratch scratch;
  std::unique_ptr<SourceWatch> watch;
};

TEST_F(SourceWatchTest, ReportsWrittenRenamedAndDeletedFiles) {
  EXPECT_FALSE(waiting());
  EXPECT_EQ(watch->take(), Files{});
  scratch.write("CMakeLists.txt", "x");
  scratch.write("src/deep/a.c", "x");
  EXPECT_TRUE(waiting());
  EXPECT_EQ(watch->take(), (Files{"CMakeLists.txt", "src/deep/a.c"}));
  fs::rename(scratch.path("src/deep/a.c"), scratch.path("src/b.c"));
  EXPECT_EQ(watch->take(), (Files{"src/b.c", "src/deep/a.c"}));
  fs::remove(scratch.path("src/b.c"));
  EXPECT_EQ(watch->take(), Files{"src/b.c"});
  fs::create_symlink("CMakeLists.txt", scratch.path("link.c"));
  EXPECT_EQ(watch->take(), Files{"link.c"});
}

TEST_F(SourceWatchTest, ReportsASaveByRenameOnceAndIgnoresTheTemporaryFile) {
  scratch.write("main.c", "x");
  watch->take();
  scratch.write(".main.c.swp", "x");
  scratch.write("main.c~", "x");
  scratch.write("4913", "x");
  scratch.write("#main.c#", "x");
  EXPECT_EQ(watch->take(), Files{});
  fs::rename(scratch.path("main.c~"), scratch.path("main.c"));
  EXPECT_EQ(watch->take(), Files{"main.c"});
}

TEST_F(SourceWatchTest, IgnoresBuiltAndHiddenFiles) {
  for (const std::string file :
       {"build/x.c", "build/inner/x.c", ".git/index", "build-asan/x.c", "target/x.c"})
    scratch.write(file, "x");
  fs::create_directories(scratch.path("build/new/deep"));
  EXPECT_EQ(watch->take(), Files{});
}

TEST_F(SourceWatchTest, FollowsNewAndDeletedFolders) {
  fs::create_directories(scratch.path("new/deep"));
  scratch.write("new/deep/early.c", "x");  // before the folder can be watched
  EXPECT_EQ(watch->take(), Files{"new/deep/early.c"});
  scratch.write("new/deep/late.c", "x");
  EXPECT_EQ(watch->take(), Files{"new/deep/late.c"});
  fs::rename(scratch.path("new"), scratch.path("moved"));
  EXPECT_EQ(watch->take(), (Files{"moved/deep/early.c", "moved/deep/late.c", "new"}));
  scratch.write("moved/deep/late.c", "y");
  EXPECT_EQ(watch->take(), Files{"moved/deep/late.c"});
  fs::remove_all(scratch.path("moved"));
  EXPECT_TRUE(watch->take().contains("moved"));
  fs::create_directories(scratch.path("moved"));
  watch->take();
  scratch.write("moved/again.c", "x");
  EXPECT_EQ(watch->take(), Files{"moved/again.c"});
}

}  // namespace
}  // namespace sluice::workshop
