// Where a claim from the oldest row begins. It walks along the index on status and "createdAt" and looks at
// each row's type, so that a million rows of types that nobody serves cost a second before the first row that
// counts. Where only such rows are in front, the indexes on type and on status tell where to begin, in some
// 50 ms when 100,000 rows count. Used by one thread. Inside runtime/store only.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "store/pg_session.hpp"
#include "store/store.hpp"
#include "store/table_name.hpp"

namespace sluice::store {

class SweepStart {
 public:
  /// What `session` prepares for it, from number `first` on.
  static std::vector<Statement> statements(const TableName& table);
  SweepStart(PgSession& session, std::size_t first);

  /// `lanes`, of which those that would begin with the oldest row begin with the oldest of their types
  /// instead, and take no more than there are, where finding that out pays.
  std::vector<LaneRequest> narrowed(std::vector<LaneRequest> lanes);

  /// A claim with a lane from the oldest row took so long, with narrowed(): whether the next is worth a
  /// search.
  void took(std::chrono::steady_clock::duration time);

 private:
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

}  // namespace sluice::store
