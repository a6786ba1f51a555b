#include "base/secret_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "base/usage_error.hpp"

namespace sluice::base {
namespace {

class SecretFileTest : public testing::Test {
 protected:
  ~SecretFileTest() override { std::remove(path_.c_str()); }
  void write(const std::string& content) const { std::ofstream(path_, std::ios::binary) << content; }
  std::string problem() const {
    try {
      (void)read_secret(path_, 10);
      return "";
    } catch (const UsageError& error) {
      return error.what();
    }
  }

  const std::string path_ = testing::TempDir() + "secret_file_test." + std::to_string(getpid());
};

TEST_F(SecretFileTest, IsReadWholeWithoutLineBreaksAtItsEnd) {
  write("two\nlines \r\n\n");
  EXPECT_EQ(read_secret(path_, 20), "two\nlines ");
  write("01234567\r\n");
  EXPECT_EQ(read_secret(path_, 10), "01234567");
  write(std::string("\0\1", 2));
  EXPECT_EQ(read_secret(path_, 10), std::string("\0\1", 2));
}

TEST_F(SecretFileTest, SaysWhatIsWrong) {
  EXPECT_EQ(problem(), "'" + path_ + "' can't be opened: No such file or directory");
  write("\n");
  EXPECT_EQ(problem(), "'" + path_ + "' is empty");
  write("0123456789a");
  EXPECT_EQ(problem(), "'" + path_ + "' has more than 10 bytes");
  std::remove(path_.c_str());
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(problem(), "'" + path_ + "' is not a regular file");
}

}  // namespace
}  // namespace sluice::base
