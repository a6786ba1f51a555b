// Manual pages, made from the words of the commands and from the keys of the configuration.
#pragma once

#include <map>
#include <string>

#include "cli/help/command_text.hpp"

namespace sluice::cli {

/// File name → page, in man(7)'s macros: sluice.1, one for each command of the program, and sluice.toml.5.
/// `date` is "2026-01-31".
std::map<std::string, std::string> manual_pages(const CommandText& program, const std::string& date);

}  // namespace sluice::cli
