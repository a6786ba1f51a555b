// A terminal that is drawn upon in place: the alternate screen, so that what stood there before is back in
// the end. The sequences are those that every terminal of the last decades and every multiplexer knows.
#pragma once

#include <string>
#include <vector>

namespace sluice::cli {

class Terminal {
 public:
  /// True where standard output is a terminal that can be drawn upon.
  static bool available();

  /// Takes the terminal; the destructor gives it back as it was.
  Terminal();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  struct Size {
    std::size_t width = 80;
    std::size_t height = 24;
  };
  static Size size();

  /// Shows these lines in place of what was there; they have to fit. False when the terminal is gone.
  bool draw(const std::vector<std::string>& lines) const;

  void enter() const;
  void leave() const;
};

}  // namespace sluice::cli
