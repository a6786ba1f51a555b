// The plain text that goes beside a text in HTML, for readers that show no HTML and filters that expect both.
#pragma once

#include <string>
#include <string_view>

namespace email {

/// What `html` says, in UTF-8: paragraphs and rows on lines of their own, points of lists with a dash, the
/// address of a link behind its text, and for a picture what its `alt` says. Any text is taken, as browsers
/// do.
std::string plain_text_of(std::string_view html);

}  // namespace email
