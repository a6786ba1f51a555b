// What the program lends to the dashboard's pages.
#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"
#include "dashboard/services.hpp"

namespace sluice::cli {

dashboard::Services page_services(const config::Config& config);

/// What a schema finds in a payload: the first problem of the payload as a whole and of each of its members.
/// A schema that can't be compiled finds nothing.
std::vector<dashboard::PayloadProblem> examine_payload(const std::string& schema, const std::string& payload,
                                                       bool quotes);

}  // namespace sluice::cli
