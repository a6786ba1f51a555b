// The SQL that writes rows: pure functions of the configuration and of what a batch holds.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "config.hpp"
#include "rows.hpp"

namespace data_sync {

using Shape = std::vector<bool>;  // which of the columns rows have

/// The types of a table's columns by name, those of domains as the types beneath them.
using ColumnTypes = std::map<std::string, std::string>;

/// Statements for one table. Each takes one parameter, $1: rows as a JSON array.
class Sql {
 public:
  /// Without `types` the values are read with the table's row type, which a domain that forbids NULL spoils
  /// for rows that have nothing for it.
  explicit Sql(const DatabaseTarget& target, ColumnTypes types = {});

  /// Writes rows that have these columns and no others: each set of columns of the batch is one of `shapes`.
  /// A row that is there is updated where it differs, before any row is inserted, so that a default that
  /// counts is only asked for rows that are new. Of rows with the same key the last counts. Rows are locked
  /// and written in the order of their keys, so that two jobs at a time don't wait for each other in a
  /// circle. Returns one row: how many were inserted, and how many updated.
  std::string upsert(const std::vector<Shape>& shapes) const;
  /// Deletes rows, or marks them as deleted. Returns one row: how many.
  std::string removal() const;
  /// Returns one row: how many rows there are whose keys are not among $1, and how many there are at all.
  std::string missing_count() const;
  /// Removes those.
  std::string missing_removal() const;
  /// Reads one column of the first row, and writes nothing: it fails where its value does not fit the type.
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

/// A record in the form of a table's row, with what PostgreSQL could not hold refused. Throws BadRecord.
Row database_row(const rapidjson::Value& record, const DatabaseTarget& target);

/// Rows that one statement writes: what it does with them, and which shapes they have.
struct Batch {
  bool deleted = false;
  std::vector<const Row*> rows;
  std::vector<Shape> shapes;
};

/// Of rows with one key the last one, in batches of at most `batch_rows`.
std::vector<Batch> batches_of(const std::vector<Row>& rows, std::size_t batch_rows);

}  // namespace data_sync
