// Takes records from pages into rows of a target, and notices what is wrong with them.
#pragma once

#include <rapidjson/document.h>

#include <cstddef>
#include <string>
#include <vector>

#include "cursor.hpp"
#include "rows.hpp"
#include "target.hpp"

namespace data_sync {

class Taking {
 public:
  /// `target` has to outlive it.
  explicit Taking(Target& target) : target_(target), found_(target.rules().columns.size(), false) {}

  Target& target() { return target_; }
  Rows& rows() { return rows_; }

  /// A bad record is skipped, or throws sluice::PermanentError that names it, as the target's rules say.
  /// `cursor` may be null.
  void page(const std::string& name, const rapidjson::Value& records, Cursor* cursor);
  /// Adds a warning for each column that no record had anything for, or throws, as the target's rules say.
  void look_for_unmapped(std::vector<std::string>& warnings) const;

 private:
  void record(const rapidjson::Value& record, std::size_t index, Cursor* cursor);

  Target& target_;
  Rows rows_;
  std::size_t seen_ = 0;
  std::vector<bool> found_;  // by column
};

}  // namespace data_sync
