#include "cli/text/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace sluice::cli {

namespace {

// Alternate screen, no cursor, and no line wrapping, because a line can be wider than it looks; and back.
constexpr std::string_view enter_sequence = "\033[?1049h\033[?25l\033[?7l\033[2J";
constexpr std::string_view leave_sequence = "\033[?7h\033[?25h\033[?1049l";

bool write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

bool Terminal::available() {
  const char* type = std::getenv("TERM");
  return isatty(STDOUT_FILENO) != 0 && type != nullptr && *type != '\0' && std::strcmp(type, "dumb") != 0;
}

Terminal::Terminal() {
  enter();
}

Terminal::~Terminal() {
  leave();
}

void Terminal::enter() const {
  write_all(enter_sequence);
}

void Terminal::leave() const {
  write_all(leave_sequence);
}

Terminal::Size Terminal::size() {
  winsize window{};
  Size size;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0) return size;
  if (window.ws_col > 0) size.width = window.ws_col;
  if (window.ws_row > 0) size.height = window.ws_row;
  return size;
}

/// Each line erases the rest of the previous one. A single write avoids flicker.
bool Terminal::draw(const std::vector<std::string>& lines) const {
  std::string frame = "\033[H";
  const char* between = "";
  for (const std::string& line : lines) {
    frame += between + line + "\033[K";
    between = "\r\n";
  }
  return write_all(frame + "\033[J");
}

}  // namespace sluice::cli
