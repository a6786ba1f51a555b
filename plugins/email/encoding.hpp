// The encodings of mail: base64, quoted-printable, UTF-8. Pure functions of bytes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace email {

bool is_utf8(std::string_view text);
/// The size in bytes of the UTF-8 character at the beginning of `text`; 0 if it is invalid or `text` is
/// empty.
std::size_t character_size(std::string_view text);
/// With a question mark instead of each invalid byte.
std::string with_valid_utf8(std::string_view text);
/// `at`, or the beginning of the UTF-8 character that contains `at`.
std::size_t character_boundary(std::string_view text, std::size_t at);

/// In lower case. Converts ASCII only, in every locale.
std::string small_letters(std::string_view text);

/// Base64 in lines of 76 characters, separated by CRLF.
std::string base64_lines(std::string_view bytes);
/// std::nullopt if `text` is not base64. The padding can be missing, `-` and `_` mean `+` and `/`, and blanks
/// are skipped.
std::optional<std::string> base64_decoded(std::string_view text);

/// From pairs of hexadecimal digits; std::nullopt if `text` is invalid.
std::optional<std::string> hex_decoded(std::string_view text);
/// From text with %20 and the like; std::nullopt if a `%` is not followed by two hexadecimal digits.
std::optional<std::string> percent_decoded(std::string_view text);
/// From UTF-8 to Latin 1; std::nullopt if `text` has other characters.
std::optional<std::string> latin1_encoded(std::string_view text);

/// RFC 2045. Each kind of line break becomes CRLF, and no line is longer than 76 characters.
std::string quoted_printable(std::string_view text);

}  // namespace email
