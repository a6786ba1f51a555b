// The letters of a Rust symbol (v0), read once from the beginning, with the ways back that the symbol itself
// names.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

namespace sluice::symbols {

/// What is read is no such symbol, or would take too long.
struct Malformed {};

inline bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
inline bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
inline bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

/// Each method throws Malformed.
class SymbolText {
 public:
  explicit SymbolText(std::string_view text) : text_(text) {}

  bool ended() const { return at_ >= text_.size(); }
  /// NUL at the end.
  char peek() const { return ended() ? '\0' : text_[at_]; }
  char next() {
    if (ended() || ++steps_ > most_steps) throw Malformed();
    return text_[at_++];
  }
  bool skip(char letter) {
    if (ended() || text_[at_] != letter) return false;
    next();
    return true;
  }
  /// "_" is 0, "0_" is 1, …
  std::uint64_t base_62() {
    if (skip('_')) return 0;
    std::uint64_t value = 0;
    for (char c = next(); c != '_'; c = next()) {
      if (value > (std::numeric_limits<std::uint64_t>::max() - 61) / 62) throw Malformed();
      value = 62 * value + digit(c);
    }
    return value + 1;
  }
  /// Its length comes first.
  std::string_view identifier() {
    skip('u');  // Punycode
    if (!is_digit(peek())) throw Malformed();
    std::size_t size = 0;
    const bool is_empty = skip('0');
    while (!is_empty && is_digit(peek()) && size <= text_.size())
      size = 10 * size + static_cast<std::size_t>(next() - '0');
    skip('_');
    if (size > text_.size() - at_) throw Malformed();
    at_ += size;
    return text_.substr(at_ - size, size);
  }
  /// Its end is read, too.
  std::string_view hexadecimal() {
    const std::size_t begin = at_;
    while (is_digit(peek()) || (peek() >= 'a' && peek() <= 'f')) next();
    const std::size_t size = at_ - begin;
    if (!skip('_')) throw Malformed();
    return text_.substr(begin, size);
  }

  /// The letter before was a tag. It goes to the earlier place that comes now. Returns what follows.
  std::size_t go_back() {
    const std::size_t tag = at_ - 1;
    const std::uint64_t target = base_62();
    if (target >= tag) throw Malformed();
    const std::size_t after = at_;
    at_ = target;
    return after;
  }
  void go_to(std::size_t at) { at_ = at; }

 private:
  static constexpr int most_steps = 100'000;

  static std::uint64_t digit(char c) {
    if (is_digit(c)) return static_cast<std::uint64_t>(c - '0');
    if (is_lower(c)) return static_cast<std::uint64_t>(c - 'a') + 10;
    if (is_upper(c)) return static_cast<std::uint64_t>(c - 'A') + 36;
    throw Malformed();
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  int steps_ = 0;
};

}  // namespace sluice::symbols
