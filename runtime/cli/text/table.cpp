#include "cli/text/table.hpp"

#include <algorithm>

#include "base/harmless.hpp"
#include "base/text.hpp"

namespace sluice::cli {

std::string table(std::vector<std::vector<std::string>> rows, const std::vector<std::size_t>& right) {
  std::vector<std::size_t> widths;
  for (auto& row : rows) {
    for (std::string& cell : row) cell = base::harmless(cell);
  }
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], base::character_count(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string pad(widths[i] - base::character_count(row[i]), ' ');
      const bool flush_right = std::count(right.begin(), right.end(), i) > 0;
      line += (i == 0 ? "" : "  ") + (flush_right ? pad + row[i] : row[i] + pad);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string grouped(long long number) {
  std::string digits = std::to_string(number);
  const std::size_t first = number < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

}  // namespace sluice::cli
