// What somebody meant who mistyped a word.
#pragma once

#include <string>
#include <vector>

namespace sluice::cli {

/// The one of `known` that `word` is most like: one slip for each three letters apart at most, or its
/// beginning. Empty where none is.
std::string nearest(const std::string& word, const std::vector<std::string>& known);

}  // namespace sluice::cli
