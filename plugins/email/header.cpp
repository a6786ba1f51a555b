#include "header.hpp"

#include <algorithm>
#include <string_view>

#include "encoding.hpp"

namespace email {

namespace {

constexpr std::size_t longest_plain = 60;          // bytes that share a line with the field's name
constexpr std::size_t bytes_of_encoded_word = 39;  // then a line stays within the 76 of RFC 2047

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

/// Whether readers take it as it is: an "=?" might be taken for an encoded word.
bool is_plain(std::string_view text) {
  return text.size() <= longest_plain && is_ascii(text) && text.find("=?") == std::string_view::npos;
}

std::string encoded_words(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t size = character_boundary(text, bytes_of_encoded_word);
    if (!out.empty()) out += "\r\n ";
    out += "=?UTF-8?B?" + base64(text.substr(0, size)) + "?=";
    text.remove_prefix(size);
  }
  return out;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

std::string address_text(const Address& address) {
  if (address.name.empty()) return address.mailbox;
  const bool plain = is_plain(address.name);
  const bool short_enough = plain && address.name.size() + address.mailbox.size() < longest_plain;
  return (plain ? quoted(address.name) : encoded_words(address.name)) + (short_enough ? " <" : "\r\n <") +
         address.mailbox + ">";
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string percent_encoded(std::string_view text) {
  static constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_letter_or_digit(c) || c == '.' || c == '-' || c == '_') {
      out += c;
    } else {
      out += '%';
      out += hex[static_cast<unsigned char>(c) >> 4U];
      out += hex[static_cast<unsigned char>(c) & 0x0FU];
    }
  }
  return out;
}

}  // namespace

std::string unstructured(const std::string& text) {
  return is_plain(text) && text == text.substr(0, text.find_last_not_of(' ') + 1) ? text
                                                                                  : encoded_words(text);
}

std::string address_list(const std::vector<Address>& addresses) {
  std::string out;
  for (const Address& address : addresses) {
    if (!out.empty()) out += ",\r\n ";
    out += address_text(address);
  }
  return out;
}

std::string parameter(const std::string& name, const std::string& value) {
  if (is_plain(value)) return name + "=" + quoted(value);
  return name + "*=UTF-8''" + percent_encoded(value);
}

}  // namespace email
