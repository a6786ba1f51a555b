// Parses the names of a plugin's checks on the command line.
#pragma once

#include <string>
#include <vector>

#include "workshop/waivers.hpp"

namespace sluice::cli {

/// Parses "fuzz", "fuzz:email.send", "static-tls" or "static tls". Throws base::UsageError for an unknown
/// check, with the nearest one; `option` is the option in the message.
workshop::CheckChoice parse_check_choice(const std::string& option, const std::string& text);
std::vector<workshop::CheckChoice> parse_check_choices(const std::string& option,
                                                       const std::vector<std::string>& texts);

/// Parses "leaks=a cache that is bounded". Throws base::UsageError if there is no reason.
std::vector<workshop::Waiver> parse_waivers(const std::vector<std::string>& texts);

/// "file, exports, …, results", in lines of less than 80 characters that begin with two blanks.
std::string list_of_checks();

}  // namespace sluice::cli
