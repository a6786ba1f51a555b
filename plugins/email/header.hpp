// Text as the value of a header field: RFC 5322, with RFC 2047 and RFC 2231 for what is not ASCII. What
// comes in has passed check_header_text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "address.hpp"

namespace email {

/// "Subject: value" and a line break. ASCII stays as it is, on as many lines as it needs; all else becomes
/// encoded words.
std::string text_field(const std::string& name, const std::string& text);

/// The same for a field whose ASCII other programs read, such as an address in angle brackets: its words stay
/// whole however long they are.
std::string raw_field(const std::string& name, const std::string& text);

/// "To: Ada <ada@example.com>" and a line break; one address to a line.
std::string address_field(const std::string& name, const std::vector<Address>& addresses);

/// A parameter with the semicolon before it: `; filename="report.pdf"`, or filename*=UTF-8''%E2%82%AC.pdf, in
/// pieces where it is long.
std::string parameter(const std::string& name, const std::string& value);

/// The same for readers that know no RFC 2231: name="=?UTF-8?B?4oKsLnBkZg==?="
std::string old_parameter(const std::string& name, const std::string& value);

}  // namespace email
