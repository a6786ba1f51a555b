#include "trust/vetting.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/refusal.hpp"
#include "trust/digest.hpp"
#include "trust/lock_file.hpp"
#include "trust/sealed_file.hpp"

namespace sluice::trust {
namespace {

class Vetting : public testing::Test {
 protected:
  Vetting() {
    std::filesystem::create_directories(directory_);
    write("a.so", "good");
  }
  ~Vetting() override { std::filesystem::remove_all(directory_); }

  void write(const std::string& name, const std::string& content) const {
    std::ofstream(directory_ + "/" + name) << content;
  }
  static std::string read(int fd) {
    std::ostringstream text;
    text << std::ifstream("/proc/self/fd/" + std::to_string(fd)).rdbuf();
    return text.str();
  }
  base::Descriptor opened() const { return base::Descriptor(open(path_.c_str(), O_PATH | O_CLOEXEC)); }
  std::string refusal(const Policy& policy = {}) const {
    try {
      (void)vet(policy, path_, opened().get());
      return "";
    } catch (const base::Refusal& refusal) {
      return refusal.what();
    }
  }

  const std::string directory_ = testing::TempDir() + "vetting_test." + std::to_string(getpid());
  const std::string path_ = directory_ + "/a.so";
};

TEST_F(Vetting, OfAFileThatNothingVouchesForMakesNoCopy) {
  EXPECT_FALSE(vet({}, path_, opened().get()).open());
  EXPECT_NE(refusal({base::Ownership::check, true, {}}).find("strict = true"), std::string::npos);
}

TEST_F(Vetting, ReturnsACopyThatNobodyCanChange) {
  write_lock(directory_, {{"a.so", sha256("good")}});
  const base::Descriptor file = opened();
  const base::Descriptor copy = vet({}, path_, file.get());
  ASSERT_TRUE(copy.open());
  write("a.so", "evil");
  EXPECT_EQ(read(copy.get()), "good");
  EXPECT_EQ(read(file.get()), "evil") << "the same file, which was written to";
  const std::string again = "/proc/self/fd/" + std::to_string(copy.get());
  const base::Descriptor writer(open(again.c_str(), O_RDWR | O_CLOEXEC));
  EXPECT_TRUE(!writer.open() || ::write(writer.get(), "evil", 4) < 0);
  EXPECT_NE(ftruncate(copy.get(), 0), 0);
  EXPECT_EQ(read(copy.get()), "good");
}

/// Whatever is put at the path meanwhile, the file that was opened is judged.
TEST_F(Vetting, JudgesTheFileThatWasOpened) {
  write_lock(directory_, {{"a.so", sha256("good")}});
  const base::Descriptor file = opened();
  write("b", "evil");
  std::filesystem::rename(directory_ + "/b", path_);
  EXPECT_EQ(read(vet({}, path_, file.get()).get()), "good");
  EXPECT_NE(refusal().find("whose SHA-256 is " + sha256("evil")), std::string::npos);
}

TEST_F(Vetting, RefusesAFileWithAnotherDigest) {
  write_lock(directory_, {{"a.so", sha256("other")}});
  EXPECT_NE(refusal().find("expected " + sha256("other") + ", as sluice.lock says"), std::string::npos);
}

TEST_F(Vetting, RefusesALockWithWrongLines) {
  const std::string digest = sha256("good");
  for (const std::string& line : {digest + " a.so", digest.substr(1) + "  a.so", digest + "  ../a.so",
                                  digest + "  ", std::string("x"), digest + "  a.so\n" + digest + "  a.so"}) {
    write("sluice.lock", line + "\n");
    EXPECT_NE(refusal().find("is not an entry"), std::string::npos) << line;
  }
  write("sluice.lock", digest + "  a.so\n");
  EXPECT_EQ(refusal(), "");
}

TEST(Digest, IsTheWellKnownOne) {
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(blake2b("").size(), 64U);
}

TEST(Base64, IsReadOnlyAsItIsWritten) {
  EXPECT_EQ(from_base64("YWJj"), "abc");
  EXPECT_EQ(from_base64("YQ=="), "a");
  for (const char* wrong : {"", "YWJ", "YR==", "Y===", "YWJj\n", " YWJj", "YWJj====", "YW=j"})
    EXPECT_EQ(from_base64(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace sluice::trust
