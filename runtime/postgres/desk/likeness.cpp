#include "postgres/desk/likeness.hpp"

#include <algorithm>
#include <cctype>

namespace sluice::postgres {

namespace {

bool is_word(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalnum(byte) != 0 || c == '-' || c == '_' || byte >= 128;
}

bool has_digit(std::string_view word) {
  return std::any_of(word.begin(), word.end(),
                     [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; });
}

std::string_view word_at(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && is_word(text[end])) ++end;
  return text.substr(at, end - at);
}

/// The length of the quoted value that begins at `at`; 0 if there is none. An apostrophe within a word is no
/// quotation mark.
std::size_t quoted_length(std::string_view text, std::size_t at) {
  const char mark = text[at];
  if (mark != '\'' && mark != '"' && mark != '`') return 0;
  const std::size_t end = text.find(mark, at + 1);
  return end == std::string_view::npos ? 0 : end + 1 - at;
}

}  // namespace

std::string likeness(std::string_view error) {
  std::string message;
  for (std::size_t at = 0; at < error.size();) {
    if (const std::string_view word = word_at(error, at); !word.empty()) {
      at += word.size();
      if (at < error.size() && error[at] == '\'' && !has_digit(word)) {  // an apostrophe
        message.append(word).append("'");
        ++at;
      } else {
        message += has_digit(word) ? "#" : word;
      }
    } else if (const std::size_t length = quoted_length(error, at); length > 0) {
      message += "'…'";
      at += length;
    } else {
      message += error[at++];
    }
  }
  return message;
}

}  // namespace sluice::postgres
