// Functions that the readers of a payload share.
#pragma once

#include <optional>
#include <sluice/payload.hpp>
#include <string>
#include <string_view>

namespace email {

/// "payload /to/0"
std::string place_of(const sluice::Json& json);

/// A string, or a number as it was written. Throws PermanentError("bad-payload") for other types and for
/// invalid UTF-8.
std::string text_of(const sluice::Json& json);

/// Like text_of, for a header field: drops line breaks at the end. Throws PermanentError("bad-header") if
/// there are others.
std::string line_of(const sluice::Json& json);

/// The member of that name; std::nullopt if it is absent, null, or an empty text.
std::optional<sluice::Json> filled(const sluice::Json& object, std::string_view key);

}  // namespace email
