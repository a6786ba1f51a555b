// The stack of a thread of a plugin host, as addresses: a cell in the shared page, which the thread itself
// writes in a signal handler, and which the runtime reads. So writing takes no lock and allocates nothing.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::wire {

/// A stack as the runtime has read it.
struct Stack {
  struct Frame {
    std::string file;  ///< the library's path as the dynamic linker knows it; empty: the host's program
    std::uint64_t offset = 0;  ///< in the library; an address if `known` is false
    bool known = true;         ///< the address is in a library
  };
  int signal = 0;             ///< 0: no signal, but exit or a question
  std::uint64_t address = 0;  ///< that the instruction used, for a fault
  bool overflowed = false;    ///< the fault was at the end of the stack
  std::vector<Frame> frames;  ///< innermost first; all but the first are return addresses
};

class StackCell {
 public:
  static constexpr std::size_t most_frames = 64;
  static constexpr std::size_t most_files = 16;
  static constexpr std::size_t longest_path = 255;

  /// Makes the cell ready for a stack. Returns false if another one is in it or is being written.
  bool begin(int signal, std::uint64_t address, bool overflowed = false);
  /// `file`: as in Stack. May be called by a signal handler, as begin() and end().
  void add(std::uint64_t offset, const char* file);
  void add_unknown(std::uint64_t address);
  void end();
  /// Clears the cell, for the next stack.
  void clear();

  /// The stack; nullopt if none was written wholly. Whoever wrote it may write on, and may have written
  /// anything.
  std::optional<Stack> read() const;

 private:
  enum State : std::uint32_t { empty, being_written, written };

  struct Frame {
    std::uint64_t offset;
    std::int32_t file;  ///< -1: not known
  };

  std::int32_t number_of(const char* file);

  std::atomic<std::uint32_t> state_;
  std::int32_t signal_;
  std::uint64_t address_;
  std::uint32_t overflowed_;
  std::uint32_t frame_count_;
  std::uint32_t file_count_;
  std::array<Frame, most_frames> frames_;
  std::array<std::array<char, longest_path + 1>, most_files> files_;
};

}  // namespace sluice::wire
