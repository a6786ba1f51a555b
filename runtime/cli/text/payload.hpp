// Reads a payload that is given on the command line.
#pragma once

#include <string>

namespace sluice::cli {

/// The payload given as JSON, as @file, or as - for standard input. Throws base::UsageError if it can't be
/// read or is not valid JSON.
std::string read_payload(const std::string& argument);

}  // namespace sluice::cli
