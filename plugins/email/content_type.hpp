// Content types, as in "text/plain; charset=utf-8".
#pragma once

#include <string>
#include <string_view>

namespace email {

/// Checks one that came with an attachment, and gives it back without what trails. `place` says where it was
/// found. Throws PermanentError: bad-header for line breaks, bad-attachment for what is no content type, or
/// one that can't be attached as bytes (multipart, message).
std::string checked_content_type(std::string_view text, const std::string& place);

/// By the name's ending; application/octet-stream for what is not known.
std::string content_type_of(std::string_view filename);

/// Whether it has that parameter.
bool has_parameter(std::string_view content_type, std::string_view name);

}  // namespace email
