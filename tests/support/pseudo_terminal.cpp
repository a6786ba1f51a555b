#include "support/pseudo_terminal.hpp"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "support/wait.hpp"

namespace sluice::test {

namespace {

/// The number of bytes of the character that begins with `first`.
std::size_t length_of(char first) {
  const auto byte = static_cast<unsigned char>(first);
  if (byte < 0xC0) return 1;
  if (byte < 0xE0) return 2;
  return byte < 0xF0 ? 3 : 4;
}

}  // namespace

PseudoTerminal::PseudoTerminal(const std::vector<std::string>& arguments,
                               const std::map<std::string, std::string>& environment, int width, int height)
    : width_(width), height_(height) {
  std::vector<std::string> words{Program::path()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  winsize size{};
  size.ws_col = static_cast<unsigned short>(width);
  size.ws_row = static_cast<unsigned short>(height);
  pid_ = forkpty(&fd_, nullptr, nullptr, &size);
  if (pid_ < 0) throw std::runtime_error("creating a pseudo-terminal failed");
  if (pid_ == 0) {
    for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
    setenv("TERM", "xterm", 1);
    execv(pointers[0], pointers.data());
    _exit(127);
  }
  fcntl(fd_, F_SETFL, O_NONBLOCK);
}

PseudoTerminal::~PseudoTerminal() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close(fd_);
}

void PseudoTerminal::resize(int width, int height) {
  width_ = width;
  height_ = height;
  cells_.clear();
  winsize size{};
  size.ws_col = static_cast<unsigned short>(width);
  size.ws_row = static_cast<unsigned short>(height);
  ioctl(fd_, TIOCSWINSZ, &size);
}

void PseudoTerminal::type(const std::string& keys) const {
  if (write(fd_, keys.data(), keys.size()) < 0) throw std::runtime_error("typing into the terminal failed");
}

void PseudoTerminal::signal(int number) const {
  kill(pid_, number);
}

int PseudoTerminal::wait() {
  int status = 0;
  const bool ended = eventually([&] {
    read_all();  // otherwise a full buffer would keep the program from ending
    return waitpid(pid_, &status, WNOHANG) == pid_;
  });
  if (!ended) throw std::runtime_error("the program in the terminal did not end in time");
  pid_ = -1;
  read_all();
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

std::vector<std::string> PseudoTerminal::screen() {
  read_all();
  std::vector<std::string> lines;
  for (const auto& [row, cells] : cells_) {
    if (cells.empty()) continue;
    lines.resize(std::max(lines.size(), static_cast<std::size_t>(row) + 1));
    for (const auto& [column, character] : cells) {
      const std::size_t before =
          std::count_if(lines[row].begin(), lines[row].end(), [](char c) { return (c & 0xC0) != 0x80; });
      lines[row] += std::string(static_cast<std::size_t>(column) - before, ' ') + character;
    }
  }
  return lines;
}

bool PseudoTerminal::shows(const std::string& text) {
  return eventually([&] {
    const auto lines = screen();
    return std::any_of(lines.begin(), lines.end(),
                       [&](const std::string& line) { return line.find(text) != std::string::npos; });
  });
}

void PseudoTerminal::read_all() {
  char buffer[4096];
  for (ssize_t size = 0; (size = read(fd_, buffer, sizeof buffer)) > 0;) {
    unread_.append(buffer, static_cast<std::size_t>(size));
  }
  while (!unread_.empty()) {
    std::size_t length = length_of(unread_[0]);
    if (unread_[0] == '\033') {
      const std::size_t end = unread_.find_first_of("ABCDHJKhlm", 2);
      if (end == std::string::npos) return;
      control(unread_.substr(2, end - 2), unread_[end]);
      length = end + 1;
    } else {
      if (unread_.size() < length) return;
      take(unread_.substr(0, length));
    }
    unread_.erase(0, length);
  }
}

void PseudoTerminal::take(const std::string& character) {
  if (character == "\r") {
    column_ = 0;
  } else if (character == "\n") {
    ++row_;
  } else {
    overflowed_ = overflowed_ || row_ >= height_ || column_ >= width_;
    cells_[row_][column_++] = character;
  }
}

void PseudoTerminal::control(const std::string& parameters, char command) {
  const auto clear_to_end_of_line = [this] {
    auto& row = cells_[row_];
    row.erase(row.lower_bound(column_), row.end());
  };
  switch (command) {
    case 'H':
      row_ = column_ = 0;
      break;
    case 'K':
      clear_to_end_of_line();
      break;
    case 'J':
      if (parameters == "2") cells_.clear();
      clear_to_end_of_line();
      cells_.erase(cells_.upper_bound(row_), cells_.end());
      break;
    case 'h':
    case 'l':
      modes_[parameters.substr(1)] = command == 'h';
      break;
    default:
      throw std::runtime_error("this terminal does not support the sequence: " + parameters + command);
  }
}

}  // namespace sluice::test
