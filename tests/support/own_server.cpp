#include "support/own_server.hpp"

#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "support/program.hpp"

namespace sluice::test {

namespace {

constexpr const char* variable = "SLUICE_TEST_DATABASE_URL";

std::vector<pid_t> children(pid_t pid) {
  std::ifstream list("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children");
  std::vector<pid_t> pids;
  for (pid_t child = 0; list >> child;) pids.push_back(child);
  return pids;
}

}  // namespace

OwnServer::OwnServer() {
  if (const char* url = std::getenv(variable)) shared_ = url;
  script("start");
  std::string url = script("url");
  url.resize(url.find('\n'));
  setenv(variable, url.c_str(), 1);
}

OwnServer::~OwnServer() {
  thaw();
  setenv(variable, shared_.c_str(), 1);
  try {
    script("remove");
  } catch (const std::runtime_error& error) {
    std::fprintf(stderr, "a server was left behind: %s\n", error.what());
  }
}

std::string OwnServer::script(const std::string& command) const {
  Program program({command, scratch_.path("server")}, {}, "", SLUICE_SERVER_SCRIPT);
  if (program.wait() != 0) throw std::runtime_error("postgres.sh " + command + ": " + program.err());
  return program.out();
}

/// The main process is first, so that it starts no further processes.
void OwnServer::freeze() {
  std::string home;
  std::getline(std::ifstream(scratch_.path("server/home")), home);
  pid_t main = 0;
  std::ifstream(home + "/data/postmaster.pid") >> main;
  if (main == 0) throw std::runtime_error("the server in " + home + " is not running");
  frozen_ = {main};
  kill(main, SIGSTOP);
  for (const pid_t child : children(main)) {
    kill(child, SIGSTOP);
    frozen_.push_back(child);
  }
}

void OwnServer::thaw() {
  for (const pid_t pid : frozen_) kill(pid, SIGCONT);
  frozen_.clear();
}

}  // namespace sluice::test
