// How far a source has been read. It is kept if a run does not reach the end, so that the next run continues
// there.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace data_sync {

struct Position {
  std::string asked;  // a digest of the job and its first request, because only the same can use the position
  std::string next;   // the next page: a URL, a token as JSON text, or a number; empty: the first
  std::size_t pages = 0;
  std::size_t records = 0;
  std::string cursor;  // JSON text: the largest so far, or empty
};

std::string to_json(const Position& position);
/// std::nullopt if `json` is not a position.
std::optional<Position> position_of(const std::string& json);

}  // namespace data_sync
