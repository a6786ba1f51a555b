// Cuts what a plugin prints into lines, whatever bytes it prints.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::fleet {

class LineCutter {
 public:
  static constexpr std::size_t longest_line = 8 * 1024;  ///< a longer one is cut into several

  /// The lines that end within `bytes`, without their ends; empty ones are left out.
  std::vector<std::string> add(std::string_view bytes);
  /// What is left without a line end.
  std::vector<std::string> rest();

 private:
  std::string partial_;
};

}  // namespace sluice::fleet
