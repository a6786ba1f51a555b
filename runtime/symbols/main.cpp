// The program that names the frames of a stack: for the runtime, so that a damaged or hostile file hurts
// neither it nor the process that crashed.
//
// Input, a line for each frame, innermost first: OFFSET CALL FILE. OFFSET is hexadecimal, in the file's own
// addresses. CALL is 1 for a return address, and 0 for an instruction. Output: a line for each frame, more
// for inlined functions, then a line for each file of which something is missing.
//
// Argument: the path of the plugin. Its file is descriptor 5, because another one may be at its path by now.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "symbols/confinement.hpp"
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

constexpr const char* plugin_place = "/proc/self/fd/5";

struct Frame {
  std::string offset;
  bool is_call = false;
  std::string file;  ///< "?" if it is in no library
};

/// Throws std::invalid_argument.
Frame frame_of(const std::string& line) {
  const std::size_t at = line.find(' ');
  if (at == std::string::npos || line.size() < at + 3) throw std::invalid_argument("not a frame: " + line);
  return {line.substr(0, at), line[at + 1] == '1', line.substr(at + 3)};
}

void name_frames(const std::vector<Frame>& frames, const std::string& plugin) {
  sluice::symbols::Files files;
  if (!plugin.empty()) files.add(plugin, plugin_place);
  Lines lines;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const Frame& frame = frames[i];
    const int number = static_cast<int>(i);
    if (frame.file == "?") {
      lines.add(number, frame.offset + ", which is in no library");
      continue;
    }
    const std::uint64_t offset = std::strtoull(frame.offset.c_str(), nullptr, 16);
    for (const std::string& text : files.at(frame.file).frames(frame.is_call ? offset - 1 : offset))
      lines.add(number, text);
  }
  lines.flush();
  for (const std::string& text : files.missing()) std::cout << text << '\n';
  std::cout.flush();
}

}  // namespace

int main(int argc, char** argv) {
  unsetenv("DEBUGINFOD_URLS");  // names come from this machine alone
  const std::string plugin = argc == 2 ? argv[1] : "";
  try {
    std::vector<Frame> frames;
    std::set<std::string> files;
    for (std::string line; std::getline(std::cin, line);) {
      frames.push_back(frame_of(line));
      files.insert(frames.back().file);
    }
    sluice::symbols::confine({files.begin(), files.end()}, plugin, plugin_place);
    name_frames(frames, plugin);
    // At a usual exit, the leak sanitizer would look for what is out of reach by now.
    _exit(std::cout ? 0 : 1);
  } catch (const std::exception& error) {
    std::cerr << "sluice-symbols: " << error.what() << '\n';
    return 1;
  }
}
