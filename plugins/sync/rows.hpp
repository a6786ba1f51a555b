// The records of one job between source and target, each as JSON text in the target's form.
#pragma once

#include <rapidjson/document.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bad_record.hpp"
#include "config.hpp"

namespace data_sync {

struct Row {
  std::string json;
  std::string key;          // an object of the key columns, {} if the target has none
  std::vector<bool> shape;  // which of the columns it has
  bool deleted = false;     // at the source, so the target must delete it
  std::uint32_t page = 0;
  std::uint32_t index = 0;  // in the page
};

/// A skipped record, for the job's output.
struct Skipped {
  std::string place;
  std::string key;  // as in Row; empty if unknown
  std::string code;
  std::string error;
  std::string column;
  std::string value;
};

/// Rows in the order of their records.
class Rows {
 public:
  /// `name` is the page's name in errors: "page 2 of https://...". Rows added from now on belong to it.
  void begin_page(const std::string& name) { pages_.push_back(name); }
  void add(Row row, std::size_t index);
  /// "record 3 of page 2 of https://..."
  std::string place(const Row& row) const { return place(row.page, row.index); }
  /// The place of a record in the page that was begun last.
  std::string place(std::size_t index) const { return place(pages_.size() - 1, index); }

  const std::vector<Row>& all() const { return rows_; }
  std::size_t size() const { return rows_.size(); }

  std::vector<Skipped> skipped;

 private:
  std::string place(std::size_t page, std::size_t index) const;

  std::vector<Row> rows_;
  std::vector<std::string> pages_;
};

/// An object of the columns' names and the record's values. Absent values are omitted, null, or refused, as
/// `rules` say. With `keys_only`, only the key columns are read. Throws BadRecord.
Row row_of(const rapidjson::Value& record, const Records& rules, bool keys_only = false);

/// The rows from `first` up to `end`, which is excluded, as a JSON array.
std::string array_of(const std::vector<const Row*>& rows, std::size_t first, std::size_t end);

/// A value for an error: at most the first `bytes` of the text, with "..." if it is longer.
std::string shortened(const std::string& text, std::size_t bytes = 60);

}  // namespace data_sync
