// How far a source has been read: kept where a job can't come to the end, so that its next run goes on there.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace data_sync {

struct Position {
  std::string asked;  // a digest of the job and its first request: a position is of no use to another
  std::string next;   // the next page: a URL, a token as JSON text, or a number; empty: the first
  std::size_t pages = 0;
  std::size_t records = 0;
  std::string cursor;  // JSON text: the largest so far, or empty
};

std::string to_json(const Position& position);
/// None for what is no position.
std::optional<Position> position_of(const std::string& json);

}  // namespace data_sync
