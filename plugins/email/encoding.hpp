// The encodings of mail: base64, quoted-printable, and what UTF-8 and SHA-256 have to do with it. Pure
// functions of bytes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace email {

bool is_utf8(std::string_view text);
/// The bytes of the UTF-8 character at the beginning of `text`; 0 when there is none.
std::size_t character_size(std::string_view text);
/// With a question mark for each byte that is no UTF-8.
std::string with_valid_utf8(std::string_view text);
/// `at`, or the beginning of the UTF-8 character that it would cut.
std::size_t character_boundary(std::string_view text, std::size_t at);

/// Of ASCII alone, whatever the process's locale is.
std::string small_letters(std::string_view text);

/// Base64 in lines of 76 characters, CRLF between them.
std::string base64_lines(std::string_view bytes);
/// None when `text` is no base64. Its padding may be missing, `-` and `_` stand for `+` and `/`, blanks are
/// skipped.
std::optional<std::string> base64_decoded(std::string_view text);

/// Each None when `text` is none: pairs of hexadecimal digits; bytes with %20 and the like in them; UTF-8
/// whose characters all have a byte of Latin 1.
std::optional<std::string> hex_decoded(std::string_view text);
std::optional<std::string> percent_decoded(std::string_view text);
std::optional<std::string> latin1_encoded(std::string_view text);

/// RFC 2045, with each kind of line break as CRLF and no line above 76 characters.
std::string quoted_printable(std::string_view text);

}  // namespace email
