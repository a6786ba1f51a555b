#include "postgres/finishing/refusal.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace sluice::postgres {

bool Refusal::may_be_the_servers() const {
  static constexpr std::array<std::string_view, 8> classes{"0A", "25", "28", "3D", "3F", "42", "55", "XX"};
  if (state.empty() || is_passing(state)) return true;
  return std::any_of(classes.begin(), classes.end(), [&](auto one) { return state.starts_with(one); });
}

bool still_answers(pqxx::connection& connection) {
  if (!connection.is_open()) return false;
  try {
    pqxx::nontransaction(connection).exec("SELECT 1");
  } catch (const pqxx::failure&) {
    return false;
  }
  return connection.is_open();
}

}  // namespace sluice::postgres
