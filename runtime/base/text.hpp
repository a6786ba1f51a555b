// Text that comes from outside: made safe to store, to log and to show.
#pragma once

#include <string>
#include <string_view>

namespace sluice::base {

/// `text` with each ill-formed UTF-8 sequence replaced by U+FFFD, and each NUL too.
std::string valid_utf8(std::string_view text);

/// `text` as a JSON string, quotes included. `text` has to be valid UTF-8.
std::string json_quote(std::string_view text);

/// At most `limit` bytes of `text`, cut at a character's boundary; "…" marks a cut.
std::string shortened(std::string_view text, std::size_t limit);

}  // namespace sluice::base
