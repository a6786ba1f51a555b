// The encodings of mail: base64, quoted-printable, and what UTF-8 and SHA-256 have to do with it. Pure
// functions of bytes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace email {

bool is_utf8(std::string_view text);
/// `at`, or the beginning of the UTF-8 character that it would cut.
std::size_t character_boundary(std::string_view text, std::size_t at);

std::string base64(std::string_view bytes);
/// The same in lines of 76 characters, CRLF between them.
std::string base64_lines(std::string_view bytes);
/// None when `text` is no base64 with its padding; line breaks in it are skipped.
std::optional<std::string> base64_decoded(std::string_view text);

/// RFC 2045, with each kind of line break as CRLF and no line above 76 characters.
std::string quoted_printable(std::string_view text);

/// 64 small hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

}  // namespace email
