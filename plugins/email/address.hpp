// Mail addresses: lists as people write them, and single mailboxes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace email {

struct Address {
  std::string name;     // "Ada Lovelace", UTF-8; can be empty
  std::string mailbox;  // "ada@example.com": the domain in lower-case ASCII, the local part in UTF-8
};

/// Reads an RFC 5322 list: "ada@example.com, \"Lovelace, Ada\" <ada@example.com> (a comment)". A group
/// ("Friends: a@example.com, b@example.com;") is replaced by its members. Also accepted, as mail programs
/// write them: names with commas and dots, `;` between addresses, domains beyond ASCII, and local parts with
/// dots in invalid places. An empty text is an empty list. `place` says where the text was found
/// ("payload /to"). Throws PermanentError if any part is invalid: bad-header for control characters and
/// invalid UTF-8, otherwise bad-address.
std::vector<Address> parse_addresses(const std::string& text, const std::string& place);

/// Like parse_addresses, for exactly one address.
Address parse_address(const std::string& text, const std::string& place);

/// "ada@example.com" in the form for the envelope. Throws PermanentError like parse_addresses.
std::string parse_mailbox(const std::string& text, const std::string& place);

/// The part after the @.
std::string domain_of(const Address& address);

/// As a quoted string of RFC 5322, section 3.2.4.
std::string quoted_string(std::string_view text);

/// Whether `text` has characters other than ASCII. The local part of an address then needs SMTPUTF8.
bool is_beyond_ascii(std::string_view text);

/// "example.com": letters, digits, dashes and underscores between dots.
bool is_domain(std::string_view text);

/// Throws PermanentError("bad-header") if `text` contains line breaks, NUL or other control characters, or
/// invalid UTF-8.
void check_header_text(const std::string& text, const std::string& place);

/// Without blanks and line breaks at both ends.
std::string_view trimmed(std::string_view text);

}  // namespace email
