// Digests and Base64, by OpenSSL.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::trust {

/// 64 hexadecimal digits.
std::string sha256(std::string_view data);
/// 64 bytes.
std::string blake2b(std::string_view data);
/// The bytes; nullopt if `text` is not Base64 as it is always written, with padding.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace sluice::trust
