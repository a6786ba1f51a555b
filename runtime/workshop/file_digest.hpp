// What identifies a plugin's file.
#pragma once

#include <string>

namespace sluice::workshop {

/// The SHA-256 digest in hexadecimal; empty if the file can't be read.
std::string sha256_of(const std::string& path);

}  // namespace sluice::workshop
