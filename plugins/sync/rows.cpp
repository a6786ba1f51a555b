#include "rows.hpp"

#include <utility>

#include "json.hpp"

namespace data_sync {

namespace {

/// Adds `name` to `object`, with a copy of `value`, or null if it is nullptr.
void add(rapidjson::Document& object, const std::string& name, const rapidjson::Value* value) {
  auto& allocator = object.GetAllocator();
  rapidjson::Value key(name.c_str(), static_cast<rapidjson::SizeType>(name.size()), allocator);
  rapidjson::Value copy;
  if (value != nullptr) copy.CopyFrom(*value, allocator);
  object.AddMember(key, copy, allocator);
}

}  // namespace

void Rows::add(Row row, std::size_t index) {
  row.page = static_cast<std::uint32_t>(pages_.size() - 1);
  row.index = static_cast<std::uint32_t>(index);
  rows_.push_back(std::move(row));
}

std::string Rows::place(std::size_t page, std::size_t index) const {
  return "record " + std::to_string(index) + " of " + pages_[page];
}

Row row_of(const rapidjson::Value& record, const Records& rules, bool keys_only) {
  if (!record.IsObject()) {
    throw BadRecord("bad-record", "expected an object, found " + shortened(to_text(record)));
  }
  rapidjson::Document row(rapidjson::kObjectType);
  rapidjson::Document key(rapidjson::kObjectType);
  std::vector<bool> shape;
  for (const Column& column : rules.columns) {
    if (keys_only && !column.key) {
      shape.push_back(false);
      continue;
    }
    const rapidjson::Value* found = column.pointer.Get(record);
    if (column.key && (found == nullptr || found->IsNull())) {
      throw BadRecord("missing-key", "no value for the key column '" + column.name + "'", column.name);
    }
    if (column.key) add(key, column.name, found);
    if (found == nullptr && rules.absent == Absent::fail) {
      throw BadRecord("absent-member", "no value for the column '" + column.name + "'", column.name);
    }
    shape.push_back(found != nullptr || rules.absent == Absent::null);
    if (!shape.back()) continue;
    add(row, column.name, found);
  }
  return {to_text(row), to_text(key), std::move(shape), false, 0, 0};
}

std::string array_of(const std::vector<const Row*>& rows, std::size_t first, std::size_t end) {
  std::string text = "[";
  for (std::size_t i = first; i < end; ++i) {
    if (i > first) text += ',';
    text += rows[i]->json;
  }
  return text + "]";
}

std::string shortened(const std::string& text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  std::size_t end = bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
    --end;  // not within a character
  return text.substr(0, end) + "...";
}

}  // namespace data_sync
