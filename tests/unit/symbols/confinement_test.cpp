#include "symbols/confinement.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "base/landlock.hpp"

namespace sluice::symbols {
namespace {

/// The errno of what is tried in a process of its own, which is confined to `file` and to the folder of
/// `plugin`; 0 if it succeeds.
int tried(const std::string& file, const std::string& plugin, const std::function<bool()>& attempt) {
  const pid_t child = fork();
  if (child == 0) {
    confine({file}, plugin);
    errno = 0;
    _exit(attempt() ? 0 : errno);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

class SymbolsConfinement : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* folder : {"plugins", "libraries"})
      std::filesystem::create_directories(directory_ / folder);
    for (const char* name : {"plugins/a.so", "plugins/a.so.debug", "libraries/b.so", "libraries/secret"})
      std::ofstream(directory_ / name) << "text";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  int reading(const std::string& name) { return opening(name, O_RDONLY); }
  int opening(const std::string& name, int flags) {
    const std::string path = directory_ / name;
    return trying([path, flags] { return open(path.c_str(), flags | O_CLOEXEC, 0600) >= 0; });
  }
  int trying(const std::function<bool()>& attempt) {
    return tried(directory_ / "libraries/b.so", directory_ / "plugins/a.so", attempt);
  }

 private:
  const std::filesystem::path directory_ = testing::TempDir() + "confined-" + std::to_string(getpid());
};

TEST_F(SymbolsConfinement, ReadsTheFilesOfTheStackAndTheSystems) {
  EXPECT_EQ(reading("plugins/a.so"), 0);
  EXPECT_EQ(reading("plugins/a.so.debug"), 0);
  EXPECT_EQ(reading("libraries/b.so"), 0);
  EXPECT_EQ(trying([] { return open("/usr/bin/env", O_RDONLY | O_CLOEXEC) >= 0; }), 0);
}

TEST_F(SymbolsConfinement, ReadsAndWritesNothingElse) {
  if (base::landlock_version() < 1) GTEST_SKIP() << "this kernel has no Landlock";
  EXPECT_EQ(reading("libraries/secret"), EACCES);
  EXPECT_EQ(opening("plugins/a.so", O_WRONLY), EACCES);
  EXPECT_EQ(opening("plugins/new", O_WRONLY | O_CREAT), EACCES);
  EXPECT_EQ(trying([] { return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0; }), EACCES);
}

TEST_F(SymbolsConfinement, ReachesNoOtherProcess) {
  const pid_t parent = getpid();
  EXPECT_EQ(trying([] { return socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }), EPERM);
  EXPECT_EQ(trying([] { return socket(AF_INET, SOCK_STREAM, 0) >= 0; }), EPERM);
  EXPECT_EQ(trying([] { return execl("/bin/true", "true", nullptr) == 0; }), EPERM);
#ifndef SLUICE_SANITIZED  // the sanitizers start a process of their own
  EXPECT_EQ(trying([parent] { return kill(parent, 0) == 0; }), EPERM);
  EXPECT_EQ(trying([] { return fork() >= 0; }), EPERM);
#endif
}

TEST_F(SymbolsConfinement, GrowsNoFileAndHasAnEnd) {
  EXPECT_EQ(trying([] {
              rlimit seconds{};
              rlimit size{};
              getrlimit(RLIMIT_CPU, &seconds);
              getrlimit(RLIMIT_FSIZE, &size);
              return seconds.rlim_max <= 10 && size.rlim_max == 0;
            }),
            0);
}

}  // namespace
}  // namespace sluice::symbols
