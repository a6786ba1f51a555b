// Names the frames of a plugin host's stack by the program sluice-symbols, which gets some seconds for it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <string>

#include "wire/stack_cell.hpp"

namespace sluice::fleet {

/// The plugin's file, as a host knows it.
struct LoadedFile {
  std::string path;
  int fd = -1;  ///< of the file itself, whatever is at the path by now; -1: not known
};

/// Calls `done` with a line for each frame, and more for what is missing. If there is no such program, or it
/// does not end in time, or too many of them are running, the lines name files and offsets alone. On the
/// loop's thread; `done` is called later.
void name_frames(boost::asio::io_context& loop, const wire::Stack& stack, const LoadedFile& plugin,
                 std::function<void(std::string)> done);

/// The lines without names, "#0  libhello.so+0x1139".
std::string unnamed_frames(const wire::Stack& stack, const LoadedFile& plugin);

/// The same for the same place of a crash in the same file: its signal and its innermost frames.
std::string signature(const wire::Stack& stack);

}  // namespace sluice::fleet
