// Where a claim from the oldest row starts. Such a claim walks along the index on status and "createdAt" and
// reads each row's type, so a million rows of unserved types would cost a second before the first useful row.
// If only such rows come first, the indexes on type and on status tell where to start, in about 50 ms for
// 100,000 useful rows. Used by one thread. Inside runtime/postgres only.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <vector>

#include "base/threads.hpp"
#include "postgres/interface.hpp"
#include "postgres/link/session.hpp"
#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

class SweepStart {
 public:
  /// The statements that `session` prepares for it, from number `first` on.
  static std::vector<Statement> statements(const TableName& table);
  SweepStart(PgSession& session, std::size_t first);

  /// Returns what `claim(lanes)` returns. Lanes that would start at the oldest row start at the oldest of
  /// their types instead, and claim no more jobs than exist, if finding that out pays off. This is decided by
  /// the time that the last such claim took.
  template <typename Claim>
  auto around(const std::vector<LaneRequest>& lanes, Claim&& claim) {
    const auto sweeps = [](const LaneRequest& lane) { return !lane.cursor; };
    if (std::none_of(lanes.begin(), lanes.end(), sweeps)) return claim(lanes);
    const auto started = base::Clock::now();
    auto answer = claim(narrowed(lanes));
    took(base::Clock::now() - started);
    return answer;
  }

 private:
  std::vector<LaneRequest> narrowed(std::vector<LaneRequest> lanes);
  void took(base::Clock::duration time);

  struct Found {
    std::optional<double> oldest;
    int rows = 0;
    double asked_at = 0;
  };

  bool front_is_ours(const std::string& types);
  std::optional<Found> search(const std::string& types);

  PgSession& session_;
  const std::size_t first_;
  bool pays_ = true;
  bool searched_ = false;  ///< for the claim under way
};

}  // namespace sluice::postgres
