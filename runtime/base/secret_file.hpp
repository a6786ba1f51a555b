// A secret that is kept in a file of its own, such as a systemd credential.
#pragma once

#include <string>

namespace sluice::base {

/// The first line, without blanks at its end. Throws UsageError where the file can't be read, or that is
/// empty.
std::string read_secret_file(const std::string& path);

/// A sentence, where everybody can read the file; empty where not, and where there is no such file.
std::string secret_file_warning(const std::string& path);

}  // namespace sluice::base
