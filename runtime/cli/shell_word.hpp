// Words of commands that are printed for a person to type.
#pragma once

#include <string>

namespace sluice::cli {

/// `word` as a shell takes it, in quotes where it needs them.
std::string shell_word(const std::string& word);

}  // namespace sluice::cli
