// Where two JSON texts differ, by JSON pointer.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace sluice::workshop {

struct JsonDifference {
  std::string pointer;  ///< RFC 6901; empty: the whole value
  std::string was;      ///< JSON; empty: absent
  std::string is;
  bool operator==(const JsonDifference&) const = default;
};

/// At most `most` of them, in the order of `was`, then what only `is` has. Numbers are compared by value,
/// objects without regard to the order of their members. An empty text is an absent value. Texts that
/// are not JSON, or are nested deeper than 1,000 levels, are compared as wholes.
std::vector<JsonDifference> json_differences(const std::string& was, const std::string& is, std::size_t most);

}  // namespace sluice::workshop
