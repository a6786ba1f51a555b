// The SQL that writes rows: pure functions of the configuration and the rows of a batch.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "config.hpp"
#include "rows.hpp"

namespace data_sync {

using Shape = std::vector<bool>;  // which of the columns rows have

/// The types of a table's columns by name; for a domain, its base type.
using ColumnTypes = std::map<std::string, std::string>;

/// Statements for one table. Each takes one parameter, $1: rows as a JSON array.
class Sql {
 public:
  /// Without `types`, the values are read with the table's row type. This fails for a row without a value
  /// for a domain that forbids NULL.
  explicit Sql(const DatabaseTarget& target, ColumnTypes types = {});

  /// Writes rows. `shapes` must contain the set of columns of each row. Existing rows are updated if they
  /// differ, before new rows are inserted, so that only new rows use values of a sequence. If several rows
  /// have the same key, the last one counts. Rows are locked and written in the order of their keys, so that
  /// two jobs can't deadlock. Returns one row: the number of inserted rows, and of updated rows.
  std::string upsert(const std::vector<Shape>& shapes) const;
  /// Deletes rows, or marks them as deleted. Returns one row: their number.
  std::string removal() const;
  /// Returns one row: the number of rows whose keys are not in $1, and the number of all rows.
  std::string missing_count() const;
  /// Deletes the rows whose keys are not in $1, or marks them. Returns one row: their number.
  std::string missing_removal() const;
  /// Reads one column of the first row without writing. Fails if the value does not fit the column's type.
  std::string probe(const Column& column) const;

 private:
  std::string incoming(bool keys_only) const;
  std::string record(bool keys_only) const;
  std::string differs() const;
  std::string update() const;
  std::string insert(const Shape& shape) const;
  std::string remove_where(const std::string& condition) const;
  std::string same_key(const std::string& a, const std::string& b) const;
  std::string alive() const;

  const DatabaseTarget& target_;
  const ColumnTypes types_;
};

/// A record in the form of a table's row. Throws BadRecord if it is invalid, or contains a NUL character.
Row database_row(const rapidjson::Value& record, const DatabaseTarget& target);

/// The rows that one statement writes or deletes.
struct Batch {
  bool deleted = false;
  std::vector<const Row*> rows;
  std::vector<Shape> shapes;  // of its rows, each once
};

/// Only the last row of each key, in batches of at most `batch_rows`.
std::vector<Batch> batches_of(const std::vector<Row>& rows, std::size_t batch_rows);

}  // namespace data_sync
