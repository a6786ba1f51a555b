#include "http_server.hpp"

#include <fcntl.h>
#include <rapidjson/document.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

extern char** environ;

namespace sluice::test {

namespace {

struct Pipe {
  Pipe() {
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
  }
  std::array<int, 2> ends{};
};

pid_t start(std::vector<std::string> words, int input, int output) {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
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

HttpServer::HttpServer(const std::string& routes, const std::string& tls_name) {
  const Pipe input;
  const Pipe output;
  std::vector<std::string> words{SYSTEM_PYTHON, "-I", "-S", HTTP_SERVER, scratch_.path(), routes};
  if (!tls_name.empty()) words.push_back(tls_name);
  pid_ = start(std::move(words), input.ends[0], output.ends[1]);
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
  throw std::runtime_error("the HTTP server did not start with " + routes);
}

HttpServer::~HttpServer() {
  close(input_);
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

std::vector<ReceivedRequest> HttpServer::requests() const {
  std::vector<ReceivedRequest> all;
  std::istringstream lines(scratch_.read("requests"));
  for (std::string line; std::getline(lines, line);) {
    rapidjson::Document json;
    json.Parse(line.c_str());
    if (json.HasParseError()) throw std::runtime_error("the server wrote invalid JSON: " + line);
    ReceivedRequest request{
        json["method"].GetString(), json["path"].GetString(), {}, json["body"].GetString()};
    for (const auto& header : json["headers"].GetObject()) {
      request.headers[header.name.GetString()] = header.value.GetString();
    }
    all.push_back(std::move(request));
  }
  return all;
}

std::string HttpServer::paths() const {
  std::string text;
  for (const ReceivedRequest& request : requests()) text += (text.empty() ? "" : " ") + request.path;
  return text;
}

}  // namespace sluice::test
