#include "smtp_server.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
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

/// The first line, or what comes before the end.
std::string read_line(int fd) {
  std::string line;
  for (char c = 0; read(fd, &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

}  // namespace

std::string base64_of(const std::string& bytes) {
  static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  int held = 0;
  for (const char c : bytes) {
    bits = (bits << 8U) | static_cast<unsigned char>(c);
    for (held += 8; held >= 6; held -= 6) out += digits[(bits >> (held - 6)) & 63U];
  }
  if (held > 0) out += digits[(bits << (6 - held)) & 63U];
  while (out.size() % 4 != 0) out += '=';
  return out;
}

ReceivedMail::ReceivedMail(const std::string& json) {
  document_.Parse(json.c_str());
  if (document_.HasParseError()) throw std::runtime_error("the server wrote what is no JSON: " + json);
}

std::string ReceivedMail::addresses(const std::string& header) const {
  std::string all;
  for (const auto& address : mail().object("addresses").array(header)) {
    const auto& value = address.value();
    if (!all.empty()) all += ", ";
    all += std::string(value[0].GetString()) + " <" + value[1].GetString() + ">";
  }
  return all;
}

Json ReceivedMail::part(std::size_t index) const {
  const Json parts = mail().array("parts");
  if (index >= parts.size()) throw std::runtime_error("the mail has no part " + std::to_string(index));
  const auto& value = parts.value()[static_cast<rapidjson::SizeType>(index)];
  return {value, "received", "/mail/parts/" + std::to_string(index)};
}

SmtpServer::SmtpServer(const std::string& options) {
  const Pipe input;
  const Pipe output;
  pid_ = start({SYSTEM_PYTHON, SMTP_SERVER, scratch_.path(), options}, input.ends[0], output.ends[1]);
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
  throw std::runtime_error("the SMTP server did not start; is python3-aiosmtpd installed?");
}

SmtpServer::~SmtpServer() {
  close(input_);
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void SmtpServer::freeze() const {
  kill(pid_, SIGSTOP);
  waitid(P_PID, static_cast<id_t>(pid_), nullptr, WSTOPPED | WNOWAIT);
}

std::vector<ReceivedMail> SmtpServer::mails() const {
  std::vector<ReceivedMail> all;
  for (;;) {
    const std::string text = scratch_.read(std::to_string(all.size() + 1) + ".json");
    if (text.empty()) return all;
    all.emplace_back(text);
  }
}

long SmtpServer::count(const std::string& event) const {
  std::istringstream events(scratch_.read("events"));
  long count = 0;
  for (std::string line; std::getline(events, line);) count += line == event ? 1 : 0;
  return count;
}

}  // namespace sluice::test
