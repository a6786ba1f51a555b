// The sluice program, run as a person would: arguments and environment in, exit code and output out.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "support/scratch.hpp"

namespace sluice::test {

/// A started process. Its output goes to files, which can be read while it runs. The destructor kills it.
class Program {
 public:
  /// `arguments` do not include the program's name. `environment` is added to the test's own, without the
  /// variables that configure sluice. `executable` names another program than sluice, searched for in PATH.
  /// Throws std::runtime_error if the process can't be started.
  explicit Program(const std::vector<std::string>& arguments,
                   const std::map<std::string, std::string>& environment = {}, const std::string& input = "",
                   const std::string& executable = "");
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /// The path of the sluice program.
  static std::string path();

  pid_t pid() const { return pid_; }
  void signal(int number) const;
  /// Waits until the process ends. Returns its exit code, or minus the signal that killed it. Throws
  /// std::runtime_error if it has not ended after `seconds`.
  int wait(int seconds = 120);
  bool running();
  std::string out() const { return scratch_.read("out"); }
  std::string err() const { return scratch_.read("err"); }
  /// How often stderr contains `text`.
  std::size_t said(const std::string& text) const;
  /// Waits until stderr contains `text`.
  bool says(const std::string& text) const;
  /// The child processes that still exist.
  std::vector<pid_t> children() const;

 private:
  Scratch scratch_;
  pid_t pid_ = -1;
  int status_ = 0;
  bool ended_ = false;
};

struct Ended {
  int code;
  std::string out;
  std::string err;
};
/// Runs the program to its end.
Ended run(const std::vector<std::string>& arguments,
          const std::map<std::string, std::string>& environment = {}, const std::string& input = "");

/// A directory with the named test plugins ("good/probe", "bad/crash_static"), for --plugins.
class PluginDirectory {
 public:
  explicit PluginDirectory(const std::vector<std::string>& plugins);
  std::string path() const { return scratch_.path(); }
  const Scratch& scratch() const { return scratch_; }

 private:
  Scratch scratch_;
};

}  // namespace sluice::test
