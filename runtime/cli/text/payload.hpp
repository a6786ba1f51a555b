// A payload as it is given on the command line.
#pragma once

#include <string>

namespace sluice::cli {

/// The payload given as JSON, as @file, or as - for standard input. Throws base::UsageError where it can't be
/// read or is no JSON.
std::string read_payload(const std::string& argument);

}  // namespace sluice::cli
