// Draws in place on the terminal's alternate screen. The previous contents are restored at the end. All
// terminals of the last decades and all multiplexers know the sequences.
#pragma once

#include <string>
#include <vector>

namespace sluice::cli {

class Terminal {
 public:
  /// True if standard output is a terminal that can be drawn on.
  static bool available();

  /// Switches to the alternate screen; the destructor restores the terminal.
  Terminal();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  struct Size {
    std::size_t width = 80;
    std::size_t height = 24;
  };
  static Size size();

  /// Shows these lines, which must fit, instead of the previous ones. False if the terminal is gone.
  bool draw(const std::vector<std::string>& lines) const;

  void enter() const;
  void leave() const;
};

}  // namespace sluice::cli
