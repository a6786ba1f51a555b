#include "base/harmless.hpp"

#include <cstdint>
#include <cstdio>

#include "base/text.hpp"

namespace sluice::base {

namespace {

/// The character at the start of well-formed UTF-8, and its length.
struct Character {
  std::uint32_t code;
  std::size_t length;
};

Character first_of(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
  };
  const std::uint32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  std::uint32_t code = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) code = code << 6U | (byte(i) & 0x3FU);
  return {code, length};
}

bool is_within(std::uint32_t code, std::uint32_t first, std::uint32_t last) {
  return code >= first && code <= last;
}

/// Control characters (C0 and C1), bidirectional marks, invisible characters and line separators.
bool is_harmful(std::uint32_t code) {
  return code < 0x20 || is_within(code, 0x7F, 0x9F) || code == 0xAD || code == 0x61C ||
         is_within(code, 0x200B, 0x200F) || is_within(code, 0x2028, 0x202E) ||
         is_within(code, 0x2060, 0x206F) || code == 0xFEFF || is_within(code, 0xFFF9, 0xFFFB) ||
         is_within(code, 0xE0000, 0xE007F);
}

std::string spelled(std::uint32_t code) {
  if (code == '\n') return "\\n";
  if (code == '\t') return " ";
  char text[16];
  std::snprintf(text, sizeof text, code < 0x80 ? "\\x%02x" : "\\u{%04x}", code);
  return text;
}

/// As in a text of JSON, where control characters are spelled out already. DEL may stand there.
std::string spelled_in_json(std::uint32_t code) {
  char text[16];
  if (code < 0x10000) {
    std::snprintf(text, sizeof text, "\\u%04x", code);
  } else {
    std::snprintf(text, sizeof text, "\\u%04x\\u%04x", 0xD800 + ((code - 0x10000) >> 10U),
                  0xDC00 + ((code - 0x10000) & 0x3FFU));
  }
  return text;
}

template <typename Keep, typename Spell>
std::string spelled_out(std::string_view text, Keep keep, Spell spell) {
  std::string shown;
  const std::string valid = valid_utf8(text);
  for (std::string_view rest = valid; !rest.empty();) {
    const Character next = first_of(rest);
    if (is_harmful(next.code) && !keep(next.code)) {
      shown += spell(next.code);
    } else {
      shown += rest.substr(0, next.length);
    }
    rest.remove_prefix(next.length);
  }
  return shown;
}

}  // namespace

std::string harmless(std::string_view text) {
  return spelled_out(
      text, [](std::uint32_t) { return false; }, spelled);
}

std::string harmless_lines(std::string_view text) {
  return spelled_out(
      text, [](std::uint32_t code) { return code == '\n'; }, spelled);
}

std::string harmless_json(std::string_view json) {
  return spelled_out(
      json, [](std::uint32_t code) { return code == '\n' || code == '\t' || code == '\r'; }, spelled_in_json);
}

}  // namespace sluice::base
