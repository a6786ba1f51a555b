// Blocks of lines, and how they share a window that is too small for all of them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace sluice::cli {

/// Lines that belong together. The first `heading` lines are kept when others are removed.
struct Block {
  std::vector<std::string> lines;
  std::size_t heading = 0;
};

/// The lines of all blocks, with an empty line between two.
std::vector<std::string> joined(const std::vector<Block>& blocks);

/// The same in at most `height` lines. The longest blocks lose lines from their end first, and say how many.
std::vector<std::string> fitted(std::vector<Block> blocks, std::size_t height);

/// At most the first `width` characters.
std::string cut(const std::string& line, std::size_t width);

/// The lines of `text`, which must end with a line end.
std::vector<std::string> lines_of(const std::string& text);

}  // namespace sluice::cli
