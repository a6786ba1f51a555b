#include "child.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace pdf {

namespace {

constexpr std::size_t longest_words = 2000;

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::runtime_error("starting the renderer: " + what + ": " + std::generic_category().message(error));
}

std::string make_temporary_folder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "sluice-pdf-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) fail(errno, "creating " + pattern);
  return pattern;
}

class SpawnSetup {
 public:
  SpawnSetup() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigset_t defaults;
    sigemptyset(&none);
    sigfillset(&defaults);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &defaults);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnSetup() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;

  void connect(int socket, int printed) {
    posix_spawn_file_actions_adddup2(&actions_, socket, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, printed, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, printed, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
  }
  pid_t run(const std::vector<char*>& command, const std::vector<char*>& environment) const {
    pid_t pid = -1;
    const int error =
        posix_spawn(&pid, command[0], &actions_, &attributes_, command.data(), environment.data());
    if (error != 0) fail(error, command[0]);
    return pid;
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> all;
  all.reserve(words.size() + 1);
  for (auto& word : words) all.push_back(word.data());
  all.push_back(nullptr);
  return all;
}

}  // namespace

Child::Child(const std::vector<std::string>& command) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) fail(errno, "socketpair");
  socket_ = Descriptor(ends[0]);
  const Descriptor their_socket(ends[1]);
  if (pipe2(ends.data(), O_CLOEXEC) != 0) fail(errno, "pipe");
  printed_ = Descriptor(ends[0]);
  const Descriptor their_output(ends[1]);
  for (const int fd : {socket_.get(), printed_.get()}) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  temporary_folder_ = make_temporary_folder();
  try {
    start(command, their_socket.get(), their_output.get());
  } catch (...) {
    std::filesystem::remove_all(temporary_folder_);
    throw;
  }
}

void Child::start(const std::vector<std::string>& command, int socket, int printed) {
  SpawnSetup setup;
  setup.connect(socket, printed);
  auto words = command;
  std::vector<std::string> environment = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "HOME=" + temporary_folder_,
                                          "TMPDIR=" + temporary_folder_};
  pid_ = setup.run(pointers(words), pointers(environment));
}

Child::~Child() {
  stop();
  std::error_code ignored;
  std::filesystem::remove_all(temporary_folder_, ignored);
}

bool Child::is_running() {
  if (pid_ > 0 && waitpid(pid_, &status_, WNOHANG) != 0) pid_ = -1;
  return pid_ > 0;
}

int Child::stop() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    while (waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
  }
  collect();
  return status_;
}

void Child::collect() {
  std::array<char, 4096> chunk{};
  while (printed_.is_open()) {
    const ssize_t size = read(printed_.get(), chunk.data(), chunk.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return;
    if (size == 0) printed_.close();
    last_words_.append(chunk.data(), static_cast<std::size_t>(size));
    if (last_words_.size() > longest_words) last_words_.erase(0, last_words_.size() - longest_words);
  }
}

}  // namespace pdf
