// The program that names the frames of a stack: for the runtime, so that a damaged or hostile file hurts
// neither it nor the process that crashed.
//
// Input, a line for each frame, innermost first: OFFSET CALL FILE. OFFSET is hexadecimal, in the file's own
// addresses. CALL is 1 for a return address, and 0 for an instruction. Output: a line for each frame, more
// for inlined functions, then a line for each file of which something is missing.
//
// Argument: the path of the plugin. Its file is descriptor 5, because another one may be at its path by now.
#include <cstdlib>
#include <iostream>
#include <string>

#include "symbols/files.hpp"

namespace {

/// Writes lines. Of those that are the same, as in a recursion, only the first.
class Lines {
 public:
  ~Lines() { flush(); }
  Lines() = default;
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;

  void add(int number, const std::string& text) {
    if (text == last_) {
      ++repeated_;
      return;
    }
    flush();
    std::cout << '#' << number << "  " << text << '\n';
    last_ = text;
  }
  void flush() {
    if (repeated_ > 0)
      std::cout << "    the same again, " << repeated_ << (repeated_ == 1 ? " time\n" : " times\n");
    repeated_ = 0;
  }

 private:
  std::string last_;
  int repeated_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  unsetenv("DEBUGINFOD_URLS");  // names come from this machine alone
  sluice::symbols::Files files;
  if (argc == 2) files.add(argv[1], "/proc/self/fd/5");
  Lines lines;
  std::string line;
  for (int number = 0; std::getline(std::cin, line); ++number) {
    std::size_t at = 0;
    const std::uint64_t offset = std::strtoull(line.c_str(), nullptr, 16);
    at = line.find(' ');
    if (at == std::string::npos || line.size() < at + 3) return 64;
    const bool is_call = line[at + 1] == '1';
    const std::string file = line.substr(at + 3);
    if (file == "?") {
      lines.add(number, line.substr(0, at) + ", which is in no library");
      continue;
    }
    for (const std::string& text : files.at(file).frames(is_call ? offset - 1 : offset))
      lines.add(number, text);
  }
  lines.flush();
  for (const std::string& text : files.missing()) std::cout << text << '\n';
  std::cout.flush();
  return 0;
}
