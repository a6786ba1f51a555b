// A secret that is kept in a file of its own, such as a systemd credential.
#pragma once

#include <string>

namespace sluice::base {

struct SecretFile {
  std::string secret;   ///< the first line, without blanks at its end
  std::string warning;  ///< a sentence, where others than owner and group can read the file
};

/// Throws UsageError where the file can't be read, or its first line is empty.
SecretFile read_secret_file(const std::string& path);

/// The warning alone; empty where there is none, and where there is no such file.
std::string secret_file_warning(const std::string& path);

}  // namespace sluice::base
