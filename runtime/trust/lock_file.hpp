// sluice.lock, beside the plugins of a directory: the digest of each file, as sha256sum writes it.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace sluice::trust {

inline constexpr const char* lock_name = "sluice.lock";

/// Names of files in the directory → SHA-256, in hexadecimal digits.
using Digests = std::map<std::string, std::string>;

/// Of the lock of a directory; nullopt if there is none. Throws base::Refusal if it can't be read.
std::optional<Digests> read_lock(const std::string& directory);
/// Replaces the lock of a directory in one step. Throws std::system_error.
void write_lock(const std::string& directory, const Digests& digests);

/// The digest of a file as it is now. Throws base::Refusal if it can't be read.
std::string digest_of(const std::string& path);

}  // namespace sluice::trust
