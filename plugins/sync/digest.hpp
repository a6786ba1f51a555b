#pragma once

#include <string>
#include <string_view>

namespace data_sync {

/// 64 digits, a to f among them. Throws std::runtime_error where OpenSSL has no SHA-256.
std::string sha256_hex(std::string_view bytes);

}  // namespace data_sync
