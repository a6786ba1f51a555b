#include "address.hpp"

#include <idn2.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <sluice/result.hpp>
#include <utility>

#include "encoding.hpp"

namespace email {

namespace {

constexpr std::size_t longest_local_part = 64;  // RFC 5321, 4.5.3.1
constexpr std::size_t longest_domain = 255;
constexpr std::size_t longest_label = 63;
constexpr std::string_view letters_and_digits =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
constexpr std::string_view atom_marks = "!#$%&'*+-/=?^_`{|}~";
constexpr std::string_view blanks = " \t\r\n";

// Invisible characters that are copied along with an address: soft hyphen, zero-width characters, direction
// marks, byte order mark.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> invisible{{{"\u00AD", "\u00AD"},
                                                                                  {"\u200B", "\u200F"},
                                                                                  {"\u202A", "\u202E"},
                                                                                  {"\u2060", "\u2064"},
                                                                                  {"\u2066", "\u2069"},
                                                                                  {"\uFEFF", "\uFEFF"}}};
constexpr std::array<std::string_view, 6> wide_blanks{"\u00A0", "\u2002", "\u2003",
                                                      "\u2009", "\u202F", "\u3000"};

bool is_beyond_ascii(char c) {
  return static_cast<unsigned char>(c) >= 0x80;
}

bool consists_of(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return letters_and_digits.find(c) != std::string_view::npos || more.find(c) != std::string_view::npos;
  });
}

/// `character` is UTF-8, so comparing bytes compares code points.
bool is_invisible(std::string_view character) {
  return std::any_of(invisible.begin(), invisible.end(), [&](const auto& range) {
    return character.size() == range.first.size() && character >= range.first && character <= range.second;
  });
}

/// Whether `text` was meant to be an address: an address that lost its @, or the text of an undefined value.
bool is_no_name(std::string_view text) {
  for (const char* nothing : {"undefined", "null", "NaN", "[object Object]"}) {
    if (text == nothing) return true;
  }
  const std::size_t dot = text.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || text.size() - dot < 3) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' || c == '+';
  });
}

template <class Use>
void for_each_character(std::string_view text, Use use) {
  while (!text.empty()) {
    const std::size_t size = std::max<std::size_t>(1, character_size(text));
    use(text.substr(0, size));
    text.remove_prefix(size);
  }
}

/// Replaces each kind of blank by a plain one.
std::string with_plain_blanks(std::string_view text) {
  std::string out;
  for_each_character(text, [&](std::string_view character) {
    const bool blank = character == "\t" ||
                       std::find(wide_blanks.begin(), wide_blanks.end(), character) != wide_blanks.end();
    out += blank ? " " : character;
  });
  return out;
}

std::string without_invisible(std::string_view text) {
  std::string out;
  for_each_character(text, [&](std::string_view character) {
    if (!is_invisible(character)) out += character;
  });
  return out;
}

/// Only at both ends: inside a name, some scripts and emoji need invisible characters.
std::string_view without_invisible_ends(std::string_view text) {
  text = trimmed(text);
  while (!text.empty() && is_invisible(text.substr(0, character_size(text)))) {
    text.remove_prefix(character_size(text));
  }
  for (;;) {
    const std::size_t last = text.empty() ? 0 : character_boundary(text, text.size() - 1);
    if (text.empty() || !is_invisible(text.substr(last))) return trimmed(text);
    text.remove_suffix(text.size() - last);
  }
}

bool is_dot_atom(std::string_view text) {
  return !text.empty() && text.front() != '.' && text.back() != '.' &&
         text.find("..") == std::string_view::npos && text.find_first_of("\"\\ ") == std::string_view::npos;
}

/// The inside of a quoted string or a comment.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    out += text[i];
  }
  return out;
}

/// "a.b" or "\"a b\"" in the form that servers accept; std::nullopt if `text` is not a local part. Dots at
/// its ends and two dots in a row are invalid unless they are quoted, but carriers in Japan issued such
/// addresses. They are quoted here.
std::optional<std::string> local_part(std::string_view text) {
  std::string plain;
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    plain = unescaped(text.substr(1, text.size() - 2));
    if (quoted_string(plain) != text && plain.find('"') != std::string::npos) return std::nullopt;  // "a" "b"
  } else {
    const bool known = std::all_of(text.begin(), text.end(), [](char c) {
      return is_beyond_ascii(c) || c == '.' || letters_and_digits.find(c) != std::string_view::npos ||
             atom_marks.find(c) != std::string_view::npos;
    });
    if (!known) return std::nullopt;
    plain = text;
  }
  if (plain.size() > longest_local_part || plain.empty() || plain == ".") return std::nullopt;
  const bool only_atoms = std::all_of(plain.begin(), plain.end(), [](char c) {
    return is_beyond_ascii(c) || c == '.' || letters_and_digits.find(c) != std::string_view::npos ||
           atom_marks.find(c) != std::string_view::npos;
  });
  return only_atoms && is_dot_atom(plain) ? plain : quoted_string(plain);
}

/// "[192.0.2.1]" or "[IPv6:2001:db8::1]".
bool is_address_literal(std::string_view text) {
  return text.size() > 2 && text.front() == '[' && text.back() == ']' &&
         consists_of(text.substr(1, text.size() - 2), ".:-");
}

/// The domain with labels beyond ASCII as xn--...; std::nullopt if `text` is not a domain.
std::optional<std::string> domain(std::string_view text) {
  if (is_address_literal(text)) return std::string(text);
  std::string ascii(text);
  if (std::any_of(text.begin(), text.end(), [](char c) { return is_beyond_ascii(c); })) {
    char* converted = nullptr;
    const int code = idn2_to_ascii_8z(ascii.c_str(), &converted, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    const std::unique_ptr<char, decltype(&idn2_free)> owner(converted, &idn2_free);
    if (code != IDN2_OK) return std::nullopt;
    ascii = converted;
  }
  if (ascii.size() > 1 && ascii.back() == '.') ascii.pop_back();
  return is_domain(ascii) ? std::optional(small_letters(ascii)) : std::nullopt;
}

bool begins_with_mailto(std::string_view text) {
  constexpr std::string_view scheme = "mailto:";
  return small_letters(text.substr(0, scheme.size())) == scheme;
}

/// The mailbox without blanks at both ends; std::nullopt if `raw` is not a mailbox.
std::optional<std::string> mailbox(std::string_view raw) {
  const std::string clean = without_invisible(raw);
  std::string_view text = trimmed(clean);
  if (begins_with_mailto(text)) text.remove_prefix(7);
  if (text.size() > 2 && text.front() == '\'' && text.back() == '\'') {
    text = text.substr(1, text.size() - 2);
  }
  if (!text.empty() && text.front() == '@' && text.find(':') != std::string_view::npos) {
    text.remove_prefix(text.find(':') + 1);  // a route, which servers ignore according to RFC 5321
  }
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos) return std::nullopt;
  const auto local = local_part(trimmed(text.substr(0, at)));
  const auto host = domain(trimmed(text.substr(at + 1)));
  if (!local || !host) return std::nullopt;
  return *local + '@' + *host;
}

/// Reads a list from its beginning to its end.
class ListReader {
 public:
  ListReader(const std::string& text, const std::string& place)
      : whole_(text), place_(place), text_(with_plain_blanks(text)) {}

  std::vector<Address> read() {
    while (at_ < text_.size()) step();
    if (in_group_) refuse("the group that begins with ':' has no ';' at its end");
    end_of_address();
    if (!held_.empty()) refuse("'" + held_ + "' has no address");
    return std::move(addresses_);
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw sluice::PermanentError(
        "bad-address",
        place_ + ": '" + whole_ + "' is not a mail address or list: " + why +
            "; expected user@example.com or Name <user@example.com>, with commas between several");
  }

  void step() {
    const char c = text_[at_];
    if (c == '"') {
      const std::size_t end = end_of_quote();
      // With quotes for a local part, without them for a name.
      bare_ += text_.substr(at_, end + 1 - at_);
      name_ += unescaped(text_.substr(at_ + 1, end - at_ - 1));
      at_ = end + 1;
    } else if (c == '(') {
      comment();
    } else if (c == '<') {
      angle();
    } else if (c == ',' || c == ';') {
      separator(c);
    } else if (c == ':' && !begins_with_mailto(trimmed(bare_ + ":")) &&
               bare_.find('@') == std::string::npos) {
      begin_group();
    } else {
      if (c == '>') refuse("there is a '>' without a '<'");
      if (has_angle_ && c != ' ') refuse("expected a comma or the end after '>'");
      bare_ += c;
      name_ += c;
      if (c != ' ') unquoted_ += c;
      ++at_;
    }
  }

  /// The end of the quoted string that begins here.
  std::size_t end_of_quote() const {
    if (has_angle_) refuse("expected a comma or the end after '>'");
    for (std::size_t i = at_ + 1; i < text_.size(); ++i) {
      if (text_[i] == '\\') {
        ++i;
      } else if (text_[i] == '"') {
        return i;
      }
    }
    refuse("the quote is not closed");
  }

  void comment() {
    const std::size_t begin = at_;
    int depth = 0;
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\') {
        ++at_;
      } else if (text_[at_] == '(') {
        ++depth;
      } else if (text_[at_] == ')' && --depth == 0) {
        comment_ = unescaped(std::string_view(text_).substr(begin + 1, at_ - begin - 1));
        if (!has_angle_) name_ += text_.substr(begin, at_ + 1 - begin);
        ++at_;
        return;
      }
    }
    refuse("the comment is not closed");
  }

  void angle() {
    if (has_angle_) refuse("expected a comma or the end after '>'");
    bool in_quotes = false;
    std::size_t end = at_ + 1;
    for (; end < text_.size() && (in_quotes || text_[end] != '>'); ++end) {
      if (text_[end] == '\\') {
        ++end;
      } else if (text_[end] == '"') {
        in_quotes = !in_quotes;
      }
    }
    if (end >= text_.size()) refuse("the '<' has no '>'");
    angle_ = text_.substr(at_ + 1, end - at_ - 1);
    has_angle_ = true;
    at_ = end + 1;
  }

  void begin_group() {
    if (in_group_ || !held_.empty() || has_angle_) refuse("there is a ':' in the middle of an address");
    in_group_ = true;
    clear();
    ++at_;
  }

  void separator(char c) {
    end_of_address();
    if (c == ';') {
      if (!held_.empty()) refuse("'" + held_ + "' has no address");
      in_group_ = false;
    }
    ++at_;
  }

  void end_of_address() {
    const std::string_view bare = trimmed(bare_);
    if (has_angle_) {
      named(trimmed(name_));
    } else if (trimmed(without_invisible(bare)).empty()) {
      // nothing between two commas
    } else if (unquoted_.find('@') == std::string::npos) {
      hold(trimmed(name_));  // the first half of a name with a comma: Doe, Jane <j@example.com>
    } else {
      alone(bare);
    }
    clear();
  }

  void hold(std::string_view name) {
    if (is_no_name(name)) refuse("'" + std::string(name) + "' is neither an address nor part of a name");
    if (!held_.empty()) held_ += ", ";
    held_ += name;
  }

  void named(std::string_view name) {
    auto found = mailbox(angle_);
    if (!found) refuse("'" + std::string(trimmed(angle_)) + "' is not an address");
    // An address before another address is probably not its name, but a comma is missing.
    if (unquoted_.find('@') != std::string::npos && mailbox(bare_) != found) {
      refuse("a comma is missing in or after '" + std::string(trimmed(bare_)) + "'");
    }
    hold(name);
    add(std::exchange(held_, {}), std::move(*found));
  }

  void alone(std::string_view bare) {
    if (!held_.empty()) refuse("'" + held_ + "' has no address");
    auto found = mailbox(bare);
    if (!found) refuse("'" + std::string(bare) + "' is not an address");
    add(comment_, std::move(*found));
  }

  void add(const std::string& name, std::string mailbox) {
    addresses_.push_back({std::string(without_invisible_ends(name)), std::move(mailbox)});
  }

  void clear() {
    bare_.clear();
    name_.clear();
    unquoted_.clear();
    comment_.clear();
    angle_.clear();
    has_angle_ = false;
  }

  const std::string& whole_;
  const std::string& place_;
  const std::string text_;
  std::size_t at_ = 0;
  std::vector<Address> addresses_;
  std::string held_;  // names before a comma that belong to the address after it
  bool in_group_ = false;
  // The current address:
  std::string bare_;      // without comments, with quotes
  std::string name_;      // with comments, without quotes
  std::string unquoted_;  // neither quoted strings, nor comments, nor blanks
  std::string comment_;
  std::string angle_;  // between < and >
  bool has_angle_ = false;
};

}  // namespace

std::string quoted_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(blanks), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

std::vector<Address> parse_addresses(const std::string& text, const std::string& place) {
  const std::string whole(trimmed(text));
  check_header_text(with_plain_blanks(whole), place);
  return ListReader(whole, place).read();
}

Address parse_address(const std::string& text, const std::string& place) {
  auto addresses = parse_addresses(text, place);
  if (addresses.size() == 1) return std::move(addresses.front());
  throw sluice::PermanentError(
      "bad-address",
      place + ": '" + text + "' has " + std::to_string(addresses.size()) + " addresses; expected one");
}

std::string parse_mailbox(const std::string& text, const std::string& place) {
  const std::string whole(trimmed(text));
  check_header_text(whole, place);
  auto found = mailbox(whole);
  if (found) return std::move(*found);
  throw sluice::PermanentError(
      "bad-address", place + ": '" + whole + "' is not a mail address; expected one like user@example.com");
}

std::string domain_of(const Address& address) {
  return address.mailbox.substr(address.mailbox.rfind('@') + 1);
}

bool is_beyond_ascii(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return is_beyond_ascii(c); });
}

bool is_domain(std::string_view text) {
  if (text.empty() || text.size() > longest_domain) return false;
  for (;;) {
    const std::size_t dot = std::min(text.find('.'), text.size());
    const std::string_view label = text.substr(0, dot);
    if (label.empty() || label.size() > longest_label || !consists_of(label, "-_") || label.front() == '-' ||
        label.back() == '-') {
      return false;
    }
    if (dot == text.size()) return true;
    text.remove_prefix(dot + 1);
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
                                     ", which is invalid in a mail header; remove it");
  }
  if (!is_utf8(text)) {
    throw sluice::PermanentError("bad-header", place + ": found invalid UTF-8");
  }
}

}  // namespace email
