// Converts the records of pages to rows of a target, and checks them.
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
  /// `target` must outlive the object.
  explicit Taking(Target& target) : target_(target), found_(target.rules().columns.size(), false) {}

  Target& target() { return target_; }
  Rows& rows() { return rows_; }

  /// Adds a page's records. For a bad record, skips it or throws sluice::PermanentError, as the target's
  /// rules say. `cursor` can be null.
  void page(const std::string& name, const rapidjson::Value& records, Cursor* cursor);
  /// For each column that no record had a value for, adds a warning or throws sluice::PermanentError, as the
  /// target's rules say.
  void look_for_unmapped(std::vector<std::string>& warnings) const;

 private:
  void record(const rapidjson::Value& record, std::size_t index, Cursor* cursor);

  Target& target_;
  Rows rows_;
  std::size_t seen_ = 0;
  std::vector<bool> found_;  // by column
};

}  // namespace data_sync
