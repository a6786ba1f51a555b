// Content types, as in "text/plain; charset=utf-8".
#pragma once

#include <string>
#include <string_view>

namespace email {

/// Checks the content type of an attachment, and returns it without trailing semicolons and blanks. `place`
/// says where it was found. Throws PermanentError: bad-header for line breaks and other characters that are
/// invalid in a header, bad-attachment if it is not a content type, or is one that can't be attached as bytes
/// (multipart, message).
std::string checked_content_type(std::string_view text, const std::string& place);

/// By the extension; application/octet-stream if it is unknown.
std::string content_type_of(std::string_view filename);

/// `name` is in lower case.
bool has_parameter(std::string_view content_type, std::string_view name);

}  // namespace email
