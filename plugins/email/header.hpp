// Text as the value of a header field: RFC 5322, with RFC 2047 and RFC 2231 for what is not ASCII. What
// comes in has passed check_header_text.
#pragma once

#include <string>
#include <vector>

#include "address.hpp"

namespace email {

/// A subject: as it is when it is short ASCII, else in encoded words, one to a line.
std::string unstructured(const std::string& text);

/// Addresses with their names, one to a line.
std::string address_list(const std::vector<Address>& addresses);

/// filename="report.pdf", or filename*=UTF-8''%E2%82%AC.pdf
std::string parameter(const std::string& name, const std::string& value);

}  // namespace email
