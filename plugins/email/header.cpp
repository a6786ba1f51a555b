#include "header.hpp"

#include <algorithm>
#include <optional>

#include "../common/encoding.hpp"
#include "encoding.hpp"

namespace email {

namespace {

constexpr std::size_t longest_line = 76;           // of a line with encoded words, RFC 2047
constexpr std::size_t longest_plain = 60;          // bytes of a name that shares a line with its address
constexpr std::size_t bytes_of_encoded_word = 39;  // encoded and framed, 64 characters
constexpr std::size_t frame_of_encoded_word = 12;  // =?UTF-8?B??=
constexpr std::size_t longest_address_field = 10;  // "Reply-To: "
constexpr std::size_t longest_piece = 54;          // of a parameter on its own line

/// Whether it needs no encoding. Readers could mistake "=?" for the beginning of an encoded word.
bool is_plain(std::string_view text) {
  return !is_beyond_ascii(text) && text.find("=?") == std::string_view::npos;
}

/// The first line already has `used` characters.
std::string encoded_words(std::string_view text, std::size_t used) {
  constexpr std::size_t least_bytes = 6;  // of a word; every character fits
  std::string out;
  while (!text.empty()) {
    const std::size_t room = longest_line - std::min(used, longest_line);
    const std::size_t bytes = room < frame_of_encoded_word ? 0 : (room - frame_of_encoded_word) / 4 * 3;
    const std::size_t size = character_boundary(text, std::clamp(bytes, least_bytes, bytes_of_encoded_word));
    if (!out.empty()) out += "\r\n ";
    out += "=?UTF-8?B?" + common::base64(text.substr(0, size)) + "?=";
    text.remove_prefix(size);
    used = 1;
  }
  return out;
}

struct Folded {
  std::string text;
  bool fits;  // whether no line is too long
};

/// In lines that break before blanks. The first line already has `used` characters. Words longer than a line
/// are not broken.
Folded folded(std::string_view text, std::size_t used) {
  Folded out{{}, true};
  std::size_t column = used;
  while (!text.empty()) {
    const std::size_t word = std::min(text.find_first_not_of(' '), text.size());
    const std::size_t end = std::min(text.find(' ', word), text.size());
    if (column + end > longest_line && !out.text.empty() && word > 0) {
      out.text += "\r\n";
      column = 0;
    }
    out.text += text.substr(0, end);
    column += end;
    out.fits = out.fits && column <= longest_line;
    text.remove_prefix(end);
  }
  return out;
}

std::string encoded_field(const std::string& name, const std::string& text) {
  return name + ": " + encoded_words(text, name.size() + 2) + "\r\n";
}

std::string address_text(const Address& address) {
  if (address.name.empty()) return address.mailbox;
  const bool plain = is_plain(address.name) && address.name.size() <= longest_plain;
  const bool short_enough = plain && address.name.size() + address.mailbox.size() < longest_plain;
  return (plain ? quoted_string(address.name) : encoded_words(address.name, longest_address_field)) +
         (short_enough ? " <" : "\r\n <") + address.mailbox + ">";
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// Removes from the beginning of `text` as much as fits into a piece, and returns it percent-encoded.
std::string percent_encoded_piece(std::string_view& text) {
  static constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out;
  while (!text.empty()) {
    const std::size_t size = std::max<std::size_t>(1, character_size(text));
    std::string character;
    for (const char c : text.substr(0, size)) {
      if (is_letter_or_digit(c) || c == '.' || c == '-' || c == '_') {
        character += c;
      } else {
        character += '%';
        character += hex[static_cast<unsigned char>(c) >> 4U];
        character += hex[static_cast<unsigned char>(c) & 0x0FU];
      }
    }
    if (out.size() + character.size() > longest_piece) break;
    out += character;
    text.remove_prefix(size);
  }
  return out;
}

}  // namespace

std::string text_field(const std::string& name, const std::string& text) {
  if (is_plain(text) && (text.empty() || (text.front() != ' ' && text.back() != ' '))) {
    const Folded lines = folded(text, name.size() + 2);
    if (lines.fits) return name + ": " + lines.text + "\r\n";
  }
  return encoded_field(name, text);
}

std::string raw_field(const std::string& name, const std::string& text) {
  if (is_beyond_ascii(text)) return encoded_field(name, text);
  return name + ": " + folded(text, name.size() + 2).text + "\r\n";
}

std::string address_field(const std::string& name, const std::vector<Address>& addresses) {
  std::string out = name + ": ";
  for (const Address& address : addresses) {
    if (&address != &addresses.front()) out += ",\r\n ";
    out += address_text(address);
  }
  return out + "\r\n";
}

std::string parameter(const std::string& name, const std::string& value) {
  if (is_plain(value)) return ";\r\n " + name + "=" + quoted_string(value);
  std::string_view rest = value;
  const std::string first = "UTF-8''" + percent_encoded_piece(rest);
  if (rest.empty()) return ";\r\n " + name + "*=" + first;
  std::string out = ";\r\n " + name + "*0*=" + first;
  for (int i = 1; !rest.empty(); ++i) {
    out += ";\r\n " + name + "*" + std::to_string(i) + "*=" + percent_encoded_piece(rest);
  }
  return out;
}

std::string old_parameter(const std::string& name, const std::string& value) {
  return ";\r\n " + name + "=" +
         (is_plain(value) ? quoted_string(value) : "\"" + encoded_words(value, name.size() + 3) + "\"");
}

}  // namespace email
