// What the readers of a payload share.
#pragma once

#include <optional>
#include <sluice/payload.hpp>
#include <string>
#include <string_view>

namespace email {

/// "payload /to/0"
std::string place_of(const sluice::Json& json);

/// A string, or a number as it was written. Throws PermanentError("bad-payload") for all else, and for what
/// is no UTF-8.
std::string text_of(const sluice::Json& json);

/// The same for a field of the header: without line breaks at its ends, and with none inside (bad-header).
std::string line_of(const sluice::Json& json);

/// The member of that name; none when it is absent, null, or an empty text.
std::optional<sluice::Json> filled(const sluice::Json& object, std::string_view key);

}  // namespace email
