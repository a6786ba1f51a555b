// Words for a shell: of commands that are printed for a person to type, and of completion scripts.
#pragma once

#include <string>

namespace sluice::cli {

/// `word` as a shell takes it, in quotes where it needs them.
std::string shell_word(const std::string& word);

/// `word` as a shell takes it, in quotes whatever it is.
std::string shell_quoted(const std::string& word);

}  // namespace sluice::cli
