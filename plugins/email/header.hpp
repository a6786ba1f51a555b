// Text as the value of a header field: RFC 5322, with RFC 2047 and RFC 2231 for text that is not ASCII. All
// texts must have passed check_header_text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "address.hpp"

namespace email {

/// "Subject: value" and a line break. ASCII is unchanged if it can be folded into lines; all other text
/// becomes encoded words.
std::string text_field(const std::string& name, const std::string& text);

/// Like text_field, for a field whose ASCII other programs read, such as an address in angle brackets: words
/// of any length are unchanged.
std::string raw_field(const std::string& name, const std::string& text);

/// "To: Ada <ada@example.com>" and a line break; one address per line.
std::string address_field(const std::string& name, const std::vector<Address>& addresses);

/// A parameter with the semicolon before it: `; filename="report.pdf"`, or filename*=UTF-8''%E2%82%AC.pdf, in
/// pieces if it is long.
std::string parameter(const std::string& name, const std::string& value);

/// Like parameter, for readers without RFC 2231: name="=?UTF-8?B?4oKsLnBkZg==?="
std::string old_parameter(const std::string& name, const std::string& value);

}  // namespace email
