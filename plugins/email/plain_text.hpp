// The plain text beside an HTML text, for mail programs that do not show HTML and filters that expect both.
#pragma once

#include <string>
#include <string_view>

namespace email {

/// The text of `html`, in UTF-8: paragraphs and rows on separate lines, list items with a dash, the address
/// of a link after its text, and the `alt` text of a picture. Invalid HTML is accepted, as in browsers.
/// Throws std::runtime_error if `html` is larger than 2 GB.
std::string plain_text_of(std::string_view html);

}  // namespace email
