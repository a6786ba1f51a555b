#include "taking.hpp"

#include <utility>

#include "json.hpp"

namespace data_sync {

void Taking::page(const std::string& name, const rapidjson::Value& records, Cursor* cursor) {
  rows_.begin_page(name);
  for (rapidjson::SizeType i = 0; i < records.Size(); ++i) {
    try {
      record(records[i], i, cursor);
    } catch (const BadRecord& bad) {
      const std::string place = rows_.place(i);
      if (!target_.rules().skip_bad) throw sluice::PermanentError(bad.code(), place + ": " + bad.what());
      rows_.skipped.push_back({place, {}, bad.code(), place + ": " + bad.what(), bad.column(), bad.value()});
    }
  }
}

void Taking::record(const rapidjson::Value& record, std::size_t index, Cursor* cursor) {
  Row row = target_.row(record);
  if (cursor != nullptr) cursor->see(record);
  const auto& columns = target_.rules().columns;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (!found_[i]) found_[i] = columns[i].pointer.Get(record) != nullptr;
  }
  ++seen_;
  rows_.add(std::move(row), index);
}

void Taking::look_for_unmapped(std::vector<std::string>& warnings) const {
  if (seen_ == 0) return;
  const auto& columns = target_.rules().columns;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (found_[i]) continue;
    const std::string words = "'" + columns[i].name + "': none of " + std::to_string(seen_) +
                              " records has a value at " + to_text(columns[i].pointer) +
                              "; fix the pointer, or remove the column from the target";
    if (target_.rules().fail_unmapped) throw sluice::PermanentError("unmapped", words);
    warnings.push_back(words);
  }
}

}  // namespace data_sync
