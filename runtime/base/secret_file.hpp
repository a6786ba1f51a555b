// A secret in a separate file, such as a systemd credential.
#pragma once

#include <cstddef>
#include <string>

namespace sluice::base {

/// The first line, without blanks at its end. Throws UsageError if the file can't be read or the line is
/// empty.
std::string read_secret_file(const std::string& path);

/// All of a file, of any bytes, without line breaks at its end. Throws UsageError, which says what is wrong
/// with the file, if it is not a regular one, can't be read, is empty, or has more than `longest` bytes.
std::string read_secret(const std::string& path, std::size_t longest);

/// A warning if the file is world-readable; empty if it is not, or does not exist.
std::string secret_file_warning(const std::string& path);

/// A warning if others than its owner may write the file; empty if they may not, or it does not exist.
std::string writable_file_warning(const std::string& path);

}  // namespace sluice::base
