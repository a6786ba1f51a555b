// Bodies of responses in other forms than JSON in UTF-8: in another encoding, as lines of JSON, or an HTML
// page instead of data. Pure functions of bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace data_sync {

/// `body` in UTF-8 without a byte order mark: from UTF-16 or UTF-32, detected by the mark or by zero bytes,
/// or from the charset that `content_type` names. If it can't be converted, it is returned unchanged.
std::string in_utf8(std::string body, std::string_view content_type);

/// Whether `content_type` says that each line is a value: NDJSON, JSON Lines, JSON sequences.
bool is_lines(std::string_view content_type);

/// The title of an HTML page, or "" for other text that begins with '<'; std::nullopt for anything else.
std::optional<std::string> markup_title(std::string_view text);

}  // namespace data_sync
