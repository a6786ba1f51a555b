// JSON on several lines, with what is wrong written behind the line that it is about.
#pragma once

#include <string>
#include <vector>

#include "dashboard/services.hpp"

namespace sluice::dashboard {

/// Lines of text; `problem` belongs to the last one.
struct MarkedPart {
  std::string text;
  std::string problem;
};

/// `json` on several lines, cut behind each line that has a problem. What is missing is written behind the
/// line where the value begins that lacks it. At most about `longest` bytes; the last part then ends with
/// "…".
std::vector<MarkedPart> marked(const std::string& json, const std::vector<PayloadProblem>& problems,
                               std::size_t longest);

}  // namespace sluice::dashboard
