// Values that must not leave the process.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::dashboard {

/// `json` with "[redacted]" instead of each value at one of the JSON pointers (RFC 6901). All numbers keep
/// their digits. Without pointers, `json` as it is.
std::string redacted(const std::string& json, const std::vector<std::string>& pointers);

/// `json` on one line, likewise.
std::string compact(const std::string& json);

}  // namespace sluice::dashboard
