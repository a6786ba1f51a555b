// A secret in a separate file, such as a systemd credential.
#pragma once

#include <string>

namespace sluice::base {

/// The first line, without blanks at its end. Throws UsageError if the file can't be read or the line is
/// empty.
std::string read_secret_file(const std::string& path);

/// A warning if the file is world-readable; empty if it is not, or does not exist.
std::string secret_file_warning(const std::string& path);

}  // namespace sluice::base
