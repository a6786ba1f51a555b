// The sluice program, run as a person would: arguments and environment in, exit code and output out.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "support/scratch.hpp"

namespace sluice::test {

/// A started process; what it prints goes to files, which can be read while it runs. Killed in the end.
class Program {
 public:
  /// `arguments` without the program's name; `environment` is added to the test's own, which is freed of
  /// what would configure sluice. `executable` is another program than sluice, looked for in PATH.
  explicit Program(const std::vector<std::string>& arguments,
                   const std::map<std::string, std::string>& environment = {}, const std::string& input = "",
                   const std::string& executable = "");
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /// Where the program is.
  static std::string path();

  pid_t pid() const { return pid_; }
  void signal(int number) const;
  /// Waits for its end; the exit code, or minus the signal that killed it. Kills it after `seconds`.
  int wait(int seconds = 120);
  bool running();
  std::string out() const { return scratch_.read("out"); }
  std::string err() const { return scratch_.read("err"); }
  /// Waits until stderr holds `text`.
  bool says(const std::string& text) const;
  /// The processes that it started and that are still there.
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

/// A directory with the named test plugins ("good/probe", "bad/crash_static"), fit for --plugins.
class PluginDirectory {
 public:
  explicit PluginDirectory(const std::vector<std::string>& plugins);
  std::string path() const { return scratch_.path(); }
  const Scratch& scratch() const { return scratch_; }

 private:
  Scratch scratch_;
};

}  // namespace sluice::test
