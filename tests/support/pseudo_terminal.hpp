// The sluice program in a pseudo-terminal, which simulates enough of a terminal to know the content of the
// screen.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "support/program.hpp"

namespace sluice::test {

class PseudoTerminal {
 public:
  PseudoTerminal(const std::vector<std::string>& arguments,
                 const std::map<std::string, std::string>& environment, int width, int height);
  ~PseudoTerminal();
  PseudoTerminal(const PseudoTerminal&) = delete;
  PseudoTerminal& operator=(const PseudoTerminal&) = delete;

  void resize(int width, int height);
  void type(const std::string& keys) const;
  void signal(int number) const;
  /// The exit code, or minus the signal that killed it.
  int wait();

  /// The lines on the screen, after everything that was written so far.
  std::vector<std::string> screen();
  /// Waits until the screen contains `text`.
  bool shows(const std::string& text);
  bool on_alternate_screen() const { return modes_.count("1049") > 0 && modes_.at("1049"); }
  bool cursor_visible() const { return modes_.count("25") == 0 || modes_.at("25"); }
  bool wraps() const { return modes_.count("7") == 0 || modes_.at("7"); }
  /// Whether anything was written beyond the right or the lower edge.
  bool overflowed() const { return overflowed_; }

 private:
  void read_all();
  void take(const std::string& character);
  void control(const std::string& parameters, char command);

  int fd_ = -1;
  pid_t pid_ = -1;
  int width_;
  int height_;
  std::string unread_;  ///< an incomplete sequence or character
  std::map<std::string, bool> modes_;
  std::map<int, std::map<int, std::string>> cells_;
  int row_ = 0;
  int column_ = 0;
  bool overflowed_ = false;
};

}  // namespace sluice::test
