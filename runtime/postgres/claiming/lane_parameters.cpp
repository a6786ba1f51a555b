#include "postgres/claiming/lane_parameters.hpp"

#include <algorithm>
#include <stdexcept>

#include "postgres/link/text.hpp"

namespace sluice::postgres {

std::size_t lane_variant(std::size_t lanes) {
  if (lanes > max_lanes) throw std::invalid_argument("a claim has at most 8 lanes");
  std::size_t variant = 0;
  while (lane_counts[variant] < lanes) ++variant;
  return variant;
}

LaneTexts::LaneTexts(const LaneRequest& lane)
    : types(array_text(lane.types)),
      limit(std::to_string(std::max(lane.limit, 0))),
      cursor(cursor_text(lane.cursor)),
      bytes(std::to_string(lane.bytes)) {}

}  // namespace sluice::postgres
