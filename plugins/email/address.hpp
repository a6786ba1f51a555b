// Mail addresses: lists of them as people write them, and one mailbox at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace email {

struct Address {
  std::string name;  // "Ada Lovelace", UTF-8; may be empty
  std::string
      mailbox;  // "ada@example.com": the domain in ASCII and small letters; the local part may be UTF-8
};

/// Reads a list as RFC 5322 has it: "ada@example.com, \"Lovelace, Ada\" <ada@example.com> (a comment)",
/// groups
/// ("Friends: a@example.com, b@example.com;") as their members, and what mail programs write beside it: names
/// with commas and dots, `;` between addresses, domains beyond ASCII, local parts with dots at odd places.
/// All of it is understood or all of it is refused; an empty text is an empty list. `place` says where it was
/// found ("payload /to"). Throws PermanentError: bad-header for control characters and what is no UTF-8,
/// bad-address for all else.
std::vector<Address> parse_addresses(const std::string& text, const std::string& place);

/// The same where exactly one is expected.
Address parse_address(const std::string& text, const std::string& place);

/// "ada@example.com" as it goes into an envelope. Throws PermanentError("bad-address").
std::string parse_mailbox(const std::string& text, const std::string& place);

/// What follows the @.
std::string domain_of(const Address& address);

/// As a quoted string of RFC 5322, section 3.2.4.
std::string quoted_string(std::string_view text);

/// Whether the server has to offer SMTPUTF8 for it.
bool is_beyond_ascii(std::string_view text);

/// "example.com": letters, digits, dashes and underscores between dots.
bool is_domain(std::string_view text);

/// Throws PermanentError("bad-header") when `text` would not stay within its header field: line breaks,
/// NUL and other control characters, or bytes that are no UTF-8.
void check_header_text(const std::string& text, const std::string& place);

/// Without blanks and line breaks at its ends.
std::string_view trimmed(std::string_view text);

}  // namespace email
