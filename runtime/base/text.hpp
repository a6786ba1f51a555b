// Makes text from outside safe to store, to log and to show.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::base {

/// `text` with each ill-formed UTF-8 sequence and each NUL replaced by U+FFFD.
std::string valid_utf8(std::string_view text);

/// `text` as a JSON string, quotes included. `text` must be valid UTF-8.
std::string json_quote(std::string_view text);

/// Whether `text` is one JSON value in valid UTF-8, whose numbers a double can hold.
bool is_json(std::string_view text);

/// Whether arrays and objects of the JSON text are nested deeper than that. Most of what RapidJSON does with
/// a value is recursive.
bool is_nested_deeper(std::string_view json, std::size_t levels);

/// A name as a part of a JSON pointer (RFC 6901), without the slash before it.
std::string pointer_token(std::string_view name);

/// "a, b, c".
std::string joined(const std::vector<std::string>& words, std::string_view between = ", ");

/// "0x1f"
std::string hexadecimal(std::uint64_t number);

/// The beginning of a text, at most `limit` bytes, that ends with a whole character.
std::string_view first_bytes(std::string_view text, std::size_t limit);

/// Characters of valid UTF-8, not bytes.
std::size_t character_count(std::string_view text);

/// At most `limit` bytes of `text`, cut at a character's boundary; "…" marks a cut.
std::string shortened(std::string_view text, std::size_t limit);

}  // namespace sluice::base
