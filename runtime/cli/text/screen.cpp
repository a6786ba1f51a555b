#include "cli/text/screen.hpp"

#include <algorithm>
#include <numeric>
#include <sstream>

namespace sluice::cli {

namespace {

bool begins_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

/// How many lines can be taken from a block until only its heading and the number of missing lines are left.
std::size_t spare(const Block& block) {
  const std::size_t least = block.heading + 1;
  return block.lines.size() > least ? block.lines.size() - least : 0;
}

/// Removes `taken` lines from the end of a block; its last line then says how many are missing.
void shorten(Block& block, std::size_t taken) {
  if (taken == 0) return;
  block.lines.resize(block.lines.size() - taken);
  block.lines.back() = "… and " + std::to_string(taken + 1) + " more";
}

}  // namespace

std::vector<std::string> joined(const std::vector<Block>& blocks) {
  std::vector<std::string> lines;
  for (const Block& block : blocks) {
    if (block.lines.empty()) continue;
    if (!lines.empty()) lines.emplace_back();
    lines.insert(lines.end(), block.lines.begin(), block.lines.end());
  }
  return lines;
}

std::vector<std::string> fitted(std::vector<Block> blocks, std::size_t height) {
  std::erase_if(blocks, [](const Block& block) { return block.lines.empty(); });
  const std::size_t gaps = blocks.empty() ? 0 : blocks.size() - 1;
  std::size_t total =
      std::accumulate(blocks.begin(), blocks.end(), gaps,
                      [](std::size_t sum, const Block& one) { return sum + one.lines.size(); });
  std::vector<std::size_t> taken(blocks.size());
  const auto left = [&](std::size_t i) { return spare(blocks[i]) - std::min(spare(blocks[i]), taken[i]); };
  while (total > height) {
    std::size_t longest = 0;
    for (std::size_t i = 1; i < blocks.size(); ++i) {
      if (left(i) > left(longest)) longest = i;
    }
    if (left(longest) == 0) break;
    ++taken[longest];
    --total;
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) shorten(blocks[i], taken[i]);
  std::vector<std::string> lines = joined(blocks);
  if (lines.size() > height) lines.resize(height);
  return lines;
}

std::string cut(const std::string& line, std::size_t width) {
  std::size_t characters = 0;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (begins_character(line[at]) && characters++ == width) return line.substr(0, at);
  }
  return line;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace sluice::cli
