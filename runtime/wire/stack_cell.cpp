#include "wire/stack_cell.hpp"

#include <algorithm>
#include <cstring>

namespace sluice::wire {

bool StackCell::begin(int signal, std::uint64_t address, bool overflowed) {
  std::uint32_t free = empty;
  if (!state_.compare_exchange_strong(free, being_written)) return false;
  signal_ = signal;
  address_ = address;
  overflowed_ = overflowed ? 1 : 0;
  frame_count_ = 0;
  file_count_ = 0;
  return true;
}

void StackCell::add(std::uint64_t offset, const char* file) {
  if (frame_count_ >= most_frames) return;
  const std::int32_t number = number_of(file);
  frames_[frame_count_++] = {offset, number};
}

void StackCell::add_unknown(std::uint64_t address) {
  if (frame_count_ < most_frames) frames_[frame_count_++] = {address, -1};
}

/// Of the same file; else of a new one. -1 if there is no room.
std::int32_t StackCell::number_of(const char* file) {
  for (std::uint32_t i = 0; i < file_count_; ++i) {
    if (std::strncmp(files_[i].data(), file, longest_path) == 0) return static_cast<std::int32_t>(i);
  }
  if (file_count_ >= most_files) return -1;
  std::strncpy(files_[file_count_].data(), file, longest_path);
  files_[file_count_][longest_path] = '\0';
  return static_cast<std::int32_t>(file_count_++);
}

void StackCell::end() {
  state_ = written;
}

void StackCell::clear() {
  state_ = empty;
}

std::optional<Stack> StackCell::read() const {
  if (state_ != written) return std::nullopt;
  Stack stack;
  stack.signal = signal_;
  stack.address = address_;
  stack.overflowed = overflowed_ != 0;
  const std::size_t count = std::min<std::size_t>(frame_count_, most_frames);
  for (std::size_t i = 0; i < count; ++i) {
    const Frame frame = frames_[i];
    const bool known = frame.file >= 0 && frame.file < static_cast<std::int32_t>(most_files);
    stack.frames.push_back({{}, frame.offset, known});
    if (!known) continue;
    const auto& file = files_[static_cast<std::size_t>(frame.file)];
    stack.frames.back().file.assign(file.data(), strnlen(file.data(), longest_path));
  }
  return stack;
}

}  // namespace sluice::wire
