#include "fleet/line_cutter.hpp"

#include <algorithm>
#include <utility>

namespace sluice::fleet {

std::vector<std::string> LineCutter::add(std::string_view bytes) {
  std::vector<std::string> lines;
  while (!bytes.empty()) {
    const std::size_t end = std::min(bytes.find('\n'), longest_line - partial_.size());
    const bool whole = end < bytes.size();
    partial_.append(bytes.substr(0, end));
    if (!whole) break;
    bytes.remove_prefix(bytes[end] == '\n' ? end + 1 : end);
    if (!partial_.empty()) lines.push_back(std::exchange(partial_, {}));
  }
  return lines;
}

std::vector<std::string> LineCutter::rest() {
  if (partial_.empty()) return {};
  return {std::exchange(partial_, {})};
}

}  // namespace sluice::fleet
