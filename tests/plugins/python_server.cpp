#include "python_server.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <vector>

extern char** environ;

namespace sluice::test {

namespace {

struct Pipe {
  Pipe() {
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
  }
  std::array<int, 2> ends{};
};

pid_t start(const std::vector<std::string>& words, int input, int output) {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error("could not start " + words[0]);
  return pid;
}

/// The first line, with or without a line end.
std::string read_line(int fd) {
  std::string line;
  for (char c = 0; read(fd, &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

}  // namespace

PythonServer::PythonServer(const std::string& script, const std::string& options) {
  const Pipe input;
  const Pipe output;
  pid_ = start({SYSTEM_PYTHON, script, scratch_.path(), options}, input.ends[0], output.ends[1]);
  close(input.ends[0]);
  close(output.ends[1]);
  input_ = input.ends[1];
  const std::string port = read_line(output.ends[0]);
  close(output.ends[0]);
  if (!port.empty()) {
    port_ = std::stoi(port);
    return;
  }
  close(input_);
  waitpid(pid_, nullptr, 0);
  throw std::runtime_error(script + " did not start; tests/install-packages.sh tests installs what it needs");
}

PythonServer::~PythonServer() {
  close(input_);
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void PythonServer::freeze() const {
  kill(pid_, SIGSTOP);
  waitid(P_PID, static_cast<id_t>(pid_), nullptr, WSTOPPED | WNOWAIT);
}

}  // namespace sluice::test
