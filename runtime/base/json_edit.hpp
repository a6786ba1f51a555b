// Changes the texts in JSON.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::base {

/// `json` with each string, name of a member and number passed to `edit`, which returns true if it changed
/// it; a changed number becomes a string. Nullopt if nothing changed, or `json` is not one JSON value.
std::optional<std::string> edited_json(std::string_view json, const std::function<bool(std::string&)>& edit);

}  // namespace sluice::base
