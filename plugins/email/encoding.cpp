#include "encoding.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <stdexcept>
#include <system_error>

#include "../common/encoding.hpp"

namespace email {

namespace {

constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::size_t base64_line = 76;
constexpr std::size_t quoted_line = 75;  // and the "=" of a soft line break

unsigned byte_at(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

struct Utf8Form {
  std::size_t size;
  std::uint32_t bits;   // of the first byte
  std::uint32_t least;  // the smallest code point that needs this form
};

Utf8Form utf8_form(unsigned first) {
  if (first < 0x80) return {1, first, 0};
  if ((first & 0xE0U) == 0xC0U) return {2, first & 0x1FU, 0x80};
  if ((first & 0xF0U) == 0xE0U) return {3, first & 0x0FU, 0x800};
  if ((first & 0xF8U) == 0xF0U) return {4, first & 0x07U, 0x10000};
  return {0, 0, 0};
}

std::array<std::int8_t, 256> base64_values() {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < base64_digits.size(); ++i) {
    values[byte_at(base64_digits, i)] = static_cast<std::int8_t>(i);
  }
  values['-'] = values['+'];  // base64url
  values['_'] = values['/'];
  return values;
}

std::string without_blanks(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c != '\r' && c != '\n' && c != ' ' && c != '\t') out += c;
  }
  return out;
}

bool is_line_break(char c) {
  return c == '\r' || c == '\n';
}

}  // namespace

std::size_t character_size(std::string_view text) {
  if (text.empty()) return 0;
  const Utf8Form form = utf8_form(byte_at(text, 0));
  if (form.size == 0 || form.size > text.size()) return 0;
  std::uint32_t code = form.bits;
  for (std::size_t i = 1; i < form.size; ++i) {
    if (!continues_character(text[i])) return 0;
    code = (code << 6U) | (byte_at(text, i) & 0x3FU);
  }
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  return code < form.least || surrogate || code > 0x10FFFF ? 0 : form.size;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = character_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::size_t character_boundary(std::string_view text, std::size_t at) {
  if (at >= text.size()) return text.size();
  while (at > 0 && continues_character(text[at])) --at;
  return at;
}

std::string small_letters(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

std::string base64_lines(std::string_view bytes) {
  const std::string all = common::base64(bytes);
  std::string out;
  out.reserve(all.size() + all.size() / base64_line * 2);
  for (std::size_t at = 0; at < all.size(); at += base64_line) {
    if (at != 0) out += "\r\n";
    out.append(all, at, base64_line);
  }
  return out;
}

std::optional<std::string> base64_decoded(std::string_view text) {
  static const std::array<std::int8_t, 256> values = base64_values();
  const std::string digits = without_blanks(text);
  std::size_t end = digits.size();
  while (end > 0 && digits.size() - end < 2 && digits[end - 1] == '=') --end;
  if (end % 4 == 1 || (end != digits.size() && digits.size() % 4 != 0)) return std::nullopt;
  std::string out;
  out.reserve(end / 4 * 3 + 2);
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (std::size_t i = 0; i < end; ++i) {
    const std::int8_t value = values[byte_at(digits, i)];
    if (value < 0) return std::nullopt;
    bits = (bits << 6U) | static_cast<std::uint32_t>(value);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out += static_cast<char>((bits >> held) & 0xFFU);
  }
  return out;
}

std::optional<std::string> hex_decoded(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    unsigned value = 0;
    const auto parsed = std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + i + 2) return std::nullopt;
    out += static_cast<char>(value);
  }
  return out;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const auto byte = hex_decoded(text.substr(i + 1, 2));
    if (!byte || byte->empty()) return std::nullopt;
    out += *byte;
    i += 2;
  }
  return out;
}

std::optional<std::string> latin1_encoded(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t size = character_size(text);
    if (size == 0 || size > 2 || (size == 2 && byte_at(text, 0) > 0xC3)) return std::nullopt;
    out += size == 1 ? text[0] : static_cast<char>((byte_at(text, 0) << 6U) | (byte_at(text, 1) & 0x3FU));
    text.remove_prefix(size);
  }
  return out;
}

std::string with_valid_utf8(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t size = character_size(text);
    out += size == 0 ? "?" : text.substr(0, size);
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return out;
}

std::string quoted_printable(std::string_view text) {
  static constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  std::size_t column = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_line_break(c)) {
      if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++i;
      out += "\r\n";
      column = 0;
      continue;
    }
    const bool ends_line = i + 1 == text.size() || is_line_break(text[i + 1]);
    const bool blank = c == ' ' || c == '\t';
    const bool plain = (c > ' ' && c < 0x7F && c != '=') || (blank && !ends_line);
    const std::size_t width = plain ? 1 : 3;
    if (column + width > quoted_line) {
      out += "=\r\n";
      column = 0;
    }
    if (plain) {
      out += c;
    } else {
      out += '=';
      out += hex[static_cast<unsigned char>(c) >> 4U];
      out += hex[static_cast<unsigned char>(c) & 0x0FU];
    }
    column += width;
  }
  return out;
}

}  // namespace email
