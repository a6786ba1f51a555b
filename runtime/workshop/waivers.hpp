// Findings that somebody knows about and accepts, each with a reason.
#pragma once

#include <string>
#include <vector>

#include "workshop/check.hpp"

namespace sluice::workshop {

struct Waiver {
  CheckChoice of;
  std::string reason;
};

class Waivers {
 public:
  explicit Waivers(const std::vector<Waiver>& waivers);

  /// The finding, as waived if it failed and a waiver covers it. The first such waiver counts.
  Finding judge(Finding finding);
  /// A sentence for each waiver that was not needed after the findings were judged, because what it covers
  /// passed or does not exist. A skipped check does not count against a waiver.
  std::vector<std::string> useless() const;

 private:
  struct Watched {
    Waiver waiver;
    int passed = 0;
    int others = 0;  ///< failed or skipped
  };
  std::vector<Watched> waivers_;
};

}  // namespace sluice::workshop
