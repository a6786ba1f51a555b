#include "support/program.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "support/wait.hpp"

extern char** environ;

namespace sluice::test {

namespace {

bool configures_sluice(const char* variable) {
  return std::strncmp(variable, "SLUICE_", 7) == 0 || std::strncmp(variable, "DATABASE_URL=", 13) == 0;
}

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> all;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!configures_sluice(*variable)) all.emplace_back(*variable);
  }
  for (const auto& [name, value] : added) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

}  // namespace

Program::Program(const std::vector<std::string>& arguments,
                 const std::map<std::string, std::string>& environment, const std::string& input,
                 const std::string& executable) {
  std::vector<std::string> words{executable.empty() ? SLUICE_BINARY : executable};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> variables = merged_environment(environment);
  scratch_.write("in", input);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, scratch_.path("in").c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, scratch_.path("out").c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                   0600);
  posix_spawn_file_actions_addopen(&actions, 2, scratch_.path("err").c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                   0600);
  const int error = posix_spawnp(&pid_, words[0].c_str(), &actions, nullptr, pointers(words).data(),
                                 pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error("starting " + words[0] + " failed: " + std::strerror(error));
}

std::string Program::path() {
  return SLUICE_BINARY;
}

Program::~Program() {
  if (ended_) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, &status_, 0);
}

void Program::signal(int number) const {
  kill(pid_, number);
}

bool Program::running() {
  if (!ended_) ended_ = waitpid(pid_, &status_, WNOHANG) == pid_;
  return !ended_;
}

int Program::wait(int seconds) {
  if (!eventually([this] { return !running(); }, std::chrono::seconds(seconds))) {
    throw std::runtime_error("the program did not end within " + std::to_string(seconds) + " s; stderr:\n" +
                             err());
  }
  return WIFSIGNALED(status_) ? -WTERMSIG(status_) : WEXITSTATUS(status_);
}

std::size_t Program::said(const std::string& text) const {
  const std::string log = err();
  std::size_t times = 0;
  for (std::size_t found = log.find(text); found != std::string::npos; found = log.find(text, found + 1))
    ++times;
  return times;
}

bool Program::says(const std::string& text) const {
  return eventually([&] { return err().find(text) != std::string::npos; });
}

std::vector<pid_t> Program::children() const {
  std::ifstream list("/proc/" + std::to_string(pid_) + "/task/" + std::to_string(pid_) + "/children");
  std::vector<pid_t> pids;
  for (pid_t pid = 0; list >> pid;) pids.push_back(pid);
  return pids;
}

Ended run(const std::vector<std::string>& arguments, const std::map<std::string, std::string>& environment,
          const std::string& input) {
  Program program(arguments, environment, input);
  const int code = program.wait();
  return {code, program.out(), program.err()};
}

PluginDirectory::PluginDirectory(const std::vector<std::string>& plugins) {
  for (const std::string& plugin : plugins) {
    const std::filesystem::path source = std::string(SLUICE_TEST_PLUGINS "/") + plugin + ".so";
    std::filesystem::copy_file(source, scratch_.path(source.filename().string()));
  }
}

}  // namespace sluice::test
