#include "cli/text/nearest.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace sluice::cli {

namespace {

/// The edit distance: letters inserted, deleted, changed, or swapped with their neighbour.
std::size_t slips(const std::string& from, const std::string& to) {
  std::vector<std::size_t> before, last, row(to.size() + 1);
  for (std::size_t j = 0; j <= to.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    before = std::exchange(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t changed = last[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
      row[j] = std::min({changed, last[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row.back();
}

}  // namespace

std::string nearest(const std::string& word, const std::vector<std::string>& known) {
  std::string best;
  std::size_t fewest = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& one : known) {
    const std::size_t count = word.size() > 1 && one.starts_with(word) ? 1 : slips(word, one);
    if (count >= fewest) continue;
    fewest = count;
    best = one;
  }
  return best;
}

}  // namespace sluice::cli
