#include "symbols/confinement.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "base/landlock.hpp"

namespace sluice::symbols {
namespace {

using testing::AnyOf;

constexpr int failed_without_errno = 255;

class SymbolsConfinement : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* folder : {"plugins", "libraries", "elsewhere"})
      std::filesystem::create_directories(directory_ / folder);
    for (const char* name : {"plugins/a.so", "plugins/a.so.debug", "libraries/b.so", "libraries/secret"})
      std::ofstream(directory_ / name) << "text";
    loaded_ = open(path("plugins/a.so").c_str(), O_PATH | O_CLOEXEC);
    ASSERT_GE(loaded_, 0);
  }
  void TearDown() override {
    close(loaded_);
    std::filesystem::remove_all(directory_);
  }

  std::string path(const std::string& name) const { return directory_ / name; }
  std::string place() const { return "/proc/self/fd/" + std::to_string(loaded_); }

  /// The errno of what is tried in a process of its own, which is confined; 0 if it succeeds.
  int trying(const std::function<bool()>& attempt, const std::string& file) const {
    const pid_t child = fork();
    if (child == 0) {
      try {
        confine({file}, path("plugins/a.so"), place());
      } catch (const std::exception&) {
        _exit(failed_without_errno - 1);
      }
      errno = 0;
      if (attempt()) _exit(0);
      _exit(errno == 0 ? failed_without_errno : errno);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  int trying(const std::function<bool()>& attempt) const { return trying(attempt, path("libraries/b.so")); }
  int opening(const std::string& file, int flags = O_RDONLY) const {
    return trying([file, flags] { return open(file.c_str(), flags | O_CLOEXEC, 0600) >= 0; });
  }

 private:
  const std::filesystem::path directory_ = testing::TempDir() + "confined-" + std::to_string(getpid());
  int loaded_ = -1;
};

TEST_F(SymbolsConfinement, ReadsTheFilesOfTheStackAndTheSystems) {
  EXPECT_EQ(opening(path("plugins/a.so")), 0);
  EXPECT_EQ(opening(path("plugins/a.so.debug")), 0);
  EXPECT_EQ(opening(path("libraries/b.so")), 0);
  EXPECT_EQ(opening("/usr/bin/env"), 0);
}

TEST_F(SymbolsConfinement, ReadsTheLoadedFileWhereverItIsByNow) {
  std::filesystem::rename(path("plugins/a.so"), path("elsewhere/a.so"));
  EXPECT_EQ(opening(place()), 0);
}

TEST_F(SymbolsConfinement, ReadsNothingElse) {
  if (base::landlock_version() < 1) GTEST_SKIP() << "this kernel has no Landlock";
  EXPECT_EQ(opening(path("libraries/secret")), EACCES);
  EXPECT_EQ(opening("/etc/passwd"), EACCES);
  const auto read = [] { return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0; };
  for (const char* const made_up : {"/", "/etc", ".", "../../../../../etc/passwd"})
    EXPECT_EQ(trying(read, made_up), EACCES) << made_up;
}

TEST_F(SymbolsConfinement, WritesNothing) {
  if (base::landlock_version() < 1) GTEST_SKIP() << "this kernel has no Landlock";
  EXPECT_THAT(opening(path("plugins/a.so"), O_WRONLY), AnyOf(EPERM, EACCES));
  EXPECT_THAT(opening(path("plugins/a.so"), O_RDWR), AnyOf(EPERM, EACCES));
  EXPECT_THAT(opening(path("plugins/new"), O_WRONLY | O_CREAT), AnyOf(EPERM, EACCES));
#ifndef SLUICE_SANITIZED  // the sanitizers write
  const std::string file = path("plugins/a.so");
  EXPECT_EQ(trying([file] { return truncate(file.c_str(), 0) == 0; }), EPERM);
  EXPECT_EQ(trying([file] { return chmod(file.c_str(), 0) == 0; }), EPERM);
  EXPECT_EQ(trying([file] { return unlink(file.c_str()) == 0; }), EPERM);
#endif
}

TEST_F(SymbolsConfinement, ReachesNoOtherProcess) {
  EXPECT_EQ(trying([] { return socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }), EPERM);
  EXPECT_EQ(trying([] { return socket(AF_INET, SOCK_STREAM, 0) >= 0; }), EPERM);
  EXPECT_EQ(trying([] { return execl("/bin/true", "true", nullptr) == 0; }), EPERM);
#ifndef SLUICE_SANITIZED  // the sanitizers start a process of their own
  const pid_t parent = getpid();
  EXPECT_EQ(trying([parent] { return kill(parent, 0) == 0; }), EPERM);
  EXPECT_EQ(trying([] { return fork() >= 0; }), EPERM);
#endif
}

bool is_bounded(__rlimit_resource_t resource, rlim_t most) {
  rlimit limit{};
  return getrlimit(resource, &limit) == 0 && limit.rlim_cur <= most && limit.rlim_max <= most;
}

TEST_F(SymbolsConfinement, HasBounds) {
  EXPECT_EQ(trying([] { return is_bounded(RLIMIT_CPU, 10); }), 0);
  EXPECT_EQ(trying([] { return is_bounded(RLIMIT_CORE, 0); }), 0);
#ifndef SLUICE_SANITIZED
  EXPECT_EQ(trying([] { return is_bounded(RLIMIT_AS, rlim_t{2048} * 1024 * 1024); }), 0);
#endif
}

}  // namespace
}  // namespace sluice::symbols
