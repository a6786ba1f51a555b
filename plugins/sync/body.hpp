// What a response holds, as it is in the world: in another encoding than UTF-8, as lines of JSON, or a page
// for people where data was expected. Pure functions of bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace data_sync {

/// `body` in UTF-8 without a byte order mark: from UTF-16 or UTF-32, by the mark or by where the zeros are,
/// or from the charset that `content_type` names. What can't be converted stays as it is.
std::string in_utf8(std::string body, std::string_view content_type);

/// Whether `content_type` says that each line is a value: NDJSON, JSON Lines, JSON sequences.
bool is_lines(std::string_view content_type);

/// The title of a page of HTML, or "" of another text in angle brackets; none for anything else.
std::optional<std::string> markup_title(std::string_view text);

}  // namespace data_sync
