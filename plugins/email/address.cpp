#include "address.hpp"

#include <algorithm>
#include <sluice/result.hpp>
#include <string_view>

#include "encoding.hpp"

namespace email {

namespace {

constexpr std::size_t longest_local_part = 64;  // RFC 5321, 4.5.3.1
constexpr std::size_t longest_domain = 255;
constexpr std::size_t longest_label = 63;
constexpr std::string_view letters_and_digits =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

bool consists_of(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return letters_and_digits.find(c) != std::string_view::npos || more.find(c) != std::string_view::npos;
  });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::string unquoted(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::string(text);
  text = text.substr(1, text.size() - 2);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    out += text[i];
  }
  return out;
}

// Quoted local parts ("a b"@example.com) are left out: hardly anyone has one, and many servers mishandle
// them.
bool is_local_part(std::string_view text) {
  return !text.empty() && text.size() <= longest_local_part && consists_of(text, "!#$%&'*+-/=?^_`{|}~.") &&
         text.front() != '.' && text.back() != '.' && text.find("..") == std::string_view::npos;
}

bool is_mailbox(const std::string& text) {
  const std::size_t at = text.rfind('@');
  return at != std::string::npos && is_local_part(std::string_view(text).substr(0, at)) &&
         is_domain(text.substr(at + 1));
}

[[noreturn]] void refuse(const std::string& text, const std::string& place) {
  throw sluice::PermanentError("bad-address",
                               place + ": '" + text +
                                   "' is no mail address; expected one of the form user@example.com or "
                                   "Name <user@example.com>, in ASCII but for the name");
}

}  // namespace

Address parse_address(const std::string& text, const std::string& place) {
  check_header_text(text, place);
  const std::string_view whole = trimmed(text);
  Address address;
  const std::size_t open = whole.rfind('<');
  if (!whole.empty() && whole.back() == '>' && open != std::string_view::npos) {
    address.name = unquoted(trimmed(whole.substr(0, open)));
    address.mailbox = whole.substr(open + 1, whole.size() - open - 2);
  } else {
    address.mailbox = whole;
  }
  if (!is_mailbox(address.mailbox)) refuse(text, place);
  return address;
}

std::string domain_of(const Address& address) {
  return address.mailbox.substr(address.mailbox.rfind('@') + 1);
}

bool is_domain(const std::string& text) {
  if (text.empty() || text.size() > longest_domain) return false;
  std::string_view rest = text;
  for (;;) {
    const std::size_t dot = std::min(rest.find('.'), rest.size());
    const std::string_view label = rest.substr(0, dot);
    if (label.empty() || label.size() > longest_label || !consists_of(label, "-") || label.front() == '-' ||
        label.back() == '-') {
      return false;
    }
    if (dot == rest.size()) return true;
    rest.remove_prefix(dot + 1);
  }
}

void check_header_text(const std::string& text, const std::string& place) {
  const auto control = std::find_if(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
  if (control != text.end()) {
    throw sluice::PermanentError("bad-header",
                                 place + ": found a line break or another control character at byte " +
                                     std::to_string(control - text.begin()) +
                                     ", which a mail's header can't hold; remove it where the job is made");
  }
  if (!is_utf8(text)) {
    throw sluice::PermanentError("bad-header", place + ": found bytes that are no UTF-8");
  }
}

}  // namespace email
