// Cuts what a plugin prints into lines. The bytes may be anything.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::fleet {

class LineCutter {
 public:
  static constexpr std::size_t longest_line = 8 * 1024;  ///< a longer one is cut into several

  /// The lines that end within `bytes`, without their line ends and without empty lines.
  std::vector<std::string> add(std::string_view bytes);
  /// The rest, which has no line end.
  std::vector<std::string> rest();

 private:
  std::string partial_;
};

}  // namespace sluice::fleet
