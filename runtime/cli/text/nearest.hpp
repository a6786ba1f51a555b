// Suggests a known word for a mistyped one.
#pragma once

#include <string>
#include <vector>

namespace sluice::cli {

/// The word of `known` that is nearest to `word`: with at most one typo for every three letters, or with
/// `word` as its beginning. Empty if there is none.
std::string nearest(const std::string& word, const std::vector<std::string>& known);

}  // namespace sluice::cli
