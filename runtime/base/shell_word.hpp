// Quotes words for a shell, in commands that are printed for a person to type and in completion scripts.
#pragma once

#include <string>

namespace sluice::base {

/// `word` for a shell, in quotes if it needs them.
std::string shell_word(const std::string& word);

/// `word` for a shell, always in quotes.
std::string shell_quoted(const std::string& word);

}  // namespace sluice::base
