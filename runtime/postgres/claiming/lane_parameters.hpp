// The parameters of a statement that claims for several lanes. Inside runtime/postgres only.
#pragma once

#include <array>
#include <pqxx/pqxx>
#include <string>
#include <tuple>
#include <vector>

#include "postgres/interface.hpp"
#include "postgres/statements.hpp"

namespace sluice::postgres {

/// Which of lane_counts has room for that many lanes. Throws std::invalid_argument above max_lanes.
std::size_t lane_variant(std::size_t lanes);

/// The texts of one lane; without arguments, those of a lane that claims nothing.
struct LaneTexts {
  LaneTexts() = default;
  explicit LaneTexts(const LaneRequest& lane);

  std::string types = "{}";
  std::string limit = "0";
  std::string cursor = "Infinity";
  std::string bytes = "0";
};

/// The texts of `Count` lanes, four each. Lanes that were not requested claim nothing.
template <std::size_t Count>
std::array<std::string, 4 * Count> lane_parameters(const std::vector<LaneRequest>& lanes) {
  std::array<std::string, 4 * Count> parameters;
  for (std::size_t i = 0; i < Count; ++i) {
    LaneTexts texts = i < lanes.size() ? LaneTexts(lanes[i]) : LaneTexts();
    parameters[4 * i] = std::move(texts.types);
    parameters[4 * i + 1] = std::move(texts.limit);
    parameters[4 * i + 2] = std::move(texts.cursor);
    parameters[4 * i + 3] = std::move(texts.bytes);
  }
  return parameters;
}

/// Calls `call` with the lane parameters as that many arguments.
template <typename Call>
pqxx::result with_lanes(const std::vector<LaneRequest>& lanes, Call&& call) {
  switch (lane_variant(lanes.size())) {
    case 0:
      return std::apply(call, lane_parameters<lane_counts[0]>(lanes));
    case 1:
      return std::apply(call, lane_parameters<lane_counts[1]>(lanes));
    case 2:
      return std::apply(call, lane_parameters<lane_counts[2]>(lanes));
    default:
      return std::apply(call, lane_parameters<lane_counts[3]>(lanes));
  }
}

}  // namespace sluice::postgres
