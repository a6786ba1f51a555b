#include "base/shell_word.hpp"

namespace sluice::base {

std::string shell_word(const std::string& word) {
  if (!word.empty() && word.find_first_of(" \t\n'\"$`\\;&|<>()*?[]#~{}!") == std::string::npos) return word;
  return shell_quoted(word);
}

std::string shell_quoted(const std::string& word) {
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? "'\\''" : std::string(1, c);
  return text + "'";
}

}  // namespace sluice::base
