#include "workshop/plugin_shelf.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/scratch.hpp"

namespace sluice::workshop {
namespace {

namespace fs = std::filesystem;

ino_t number_of(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

TEST(PluginShelf, HasOnlyCopiesOfTheLibraries) {
  const test::Scratch scratch;
  const std::string shelf = scratch.path("shelf");
  fs::create_directory(shelf);
  scratch.write("shelf/old.so", "former plugin");
  scratch.write("a.so", "one");
  scratch.write("b.so", "two");
  const std::vector<fs::path> both{scratch.path("a.so"), scratch.path("b.so")};
  EXPECT_TRUE(put_on_shelf(both, shelf));
  EXPECT_EQ(scratch.read("shelf/a.so") + scratch.read("shelf/b.so"), "onetwo");
  EXPECT_FALSE(fs::exists(scratch.path("shelf/old.so")));
  EXPECT_FALSE(put_on_shelf(both, shelf));

  const ino_t a = number_of(shelf + "/a.so");
  const ino_t b = number_of(shelf + "/b.so");
  scratch.write("a.so", "eno");  // the same size
  EXPECT_TRUE(put_on_shelf(both, shelf));
  EXPECT_EQ(scratch.read("shelf/a.so"), "eno");
  EXPECT_NE(number_of(shelf + "/a.so"), a) << "the file was written in place, while a host may be loading it";
  EXPECT_EQ(number_of(shelf + "/b.so"), b);

  EXPECT_TRUE(put_on_shelf({scratch.path("b.so")}, shelf));
  EXPECT_FALSE(fs::exists(scratch.path("shelf/a.so")));
}

TEST(PluginShelf, NamesAFileThatCouldNotBeCopied) {
  const test::Scratch scratch;
  fs::create_directory(scratch.path("shelf"));
  try {
    put_on_shelf({scratch.path("missing.so")}, scratch.path("shelf"));
    FAIL() << "a missing library was copied";
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(std::string(error.what()), "can't copy " + scratch.path("missing.so") + " to " +
                                             scratch.path("shelf/missing.so") +
                                             ": No such file or directory");
  }
}

}  // namespace
}  // namespace sluice::workshop
