#include "rows.hpp"

#include <algorithm>
#include <sluice/result.hpp>

#include "json.hpp"

namespace data_sync {

std::string row_of(const rapidjson::Value& record, const std::vector<Column>& columns,
                   const std::string& place) {
  if (!record.IsObject()) {
    throw sluice::PermanentError("bad-record",
                                 place + ": expected an object, found " + to_text(record).substr(0, 60));
  }
  rapidjson::Document row(rapidjson::kObjectType);
  auto& allocator = row.GetAllocator();
  for (const Column& column : columns) {
    const rapidjson::Value* found = column.pointer.Get(record);
    if (column.key && (found == nullptr || found->IsNull())) {
      throw sluice::PermanentError("missing-key",
                                   place + ": nothing there for the key column '" + column.name + "'");
    }
    rapidjson::Value name(column.name.c_str(), static_cast<rapidjson::SizeType>(column.name.size()),
                          allocator);
    rapidjson::Value value;
    if (found != nullptr) value.CopyFrom(*found, allocator);
    row.AddMember(name, value, allocator);
  }
  return to_text(row);
}

std::string array_of(const Rows& rows, std::size_t first, std::size_t count) {
  std::string text = "[";
  for (std::size_t i = first; i < std::min(first + count, rows.size()); ++i) {
    if (i > first) text += ',';
    text += rows[i];
  }
  return text + "]";
}

}  // namespace data_sync
