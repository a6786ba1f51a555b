// Checks of a plugin as the command line names them.
#pragma once

#include <string>
#include <vector>

#include "workshop/waivers.hpp"

namespace sluice::cli {

/// "fuzz", "fuzz:email.send", "static-tls" or "static tls". Throws base::UsageError for a name that no check
/// has, with the nearest one; `option` is the one that names it.
workshop::CheckChoice parse_check_choice(const std::string& option, const std::string& text);
std::vector<workshop::CheckChoice> parse_check_choices(const std::string& option,
                                                       const std::vector<std::string>& texts);

/// "leaks=a cache that is bounded". Throws base::UsageError without a reason.
std::vector<workshop::Waiver> parse_waivers(const std::vector<std::string>& texts);

/// "file, exports, …, results", in lines of less than 80 characters that begin with two blanks.
std::string list_of_checks();

}  // namespace sluice::cli
