// Reads a file at whose path anything may be.
#pragma once

#include <cstddef>
#include <string>

namespace sluice::base {

/// The whole content. Throws UsageError, which says what is wrong with the file, if it is not a regular one,
/// can't be read, or is longer than `longest` bytes. Never waits, even if it is a pipe.
std::string read_small_file(const std::string& path, std::size_t longest);

}  // namespace sluice::base
