// Findings that somebody knows of and lets pass, each with a reason.
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

  /// The finding, as waived where it failed and a waiver covers it. The first that does counts.
  Finding judge(Finding finding);
  /// A sentence for each waiver that is of no use after the findings were judged: what it covers passed, or
  /// there is no such thing. What was skipped is not held against one.
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
