// A mail address with the name of its owner.
#pragma once

#include <string>
#include <vector>

namespace email {

struct Address {
  std::string name;     // "Ada Lovelace", UTF-8; may be empty
  std::string mailbox;  // "ada@example.com", ASCII
};

/// Reads "ada@example.com", "Ada <ada@example.com>" or "\"Lovelace, Ada\" <ada@example.com>". `place` says
/// where it was found ("payload /to"). Throws PermanentError: bad-header for control characters and what is
/// no UTF-8, bad-address for all else.
Address parse_address(const std::string& text, const std::string& place);

/// What follows the @.
std::string domain_of(const Address& address);

/// "example.com": letters, digits and dashes between dots.
bool is_domain(const std::string& text);

/// Throws PermanentError("bad-header") when `text` would not stay within its header field: line breaks,
/// NUL and other control characters, or bytes that are no UTF-8.
void check_header_text(const std::string& text, const std::string& place);

}  // namespace email
