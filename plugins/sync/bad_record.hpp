// The error of a single record, as opposed to one of the whole job.
#pragma once

#include <sluice/result.hpp>
#include <string>
#include <utility>

namespace data_sync {

/// Says what is wrong with the record. The code that catches it adds which record it is.
class BadRecord : public sluice::PermanentError {
 public:
  BadRecord(std::string code, const std::string& message, std::string column = {}, std::string value = {})
      : PermanentError(std::move(code), message), column_(std::move(column)), value_(std::move(value)) {}
  /// The column that caused the error; empty if it is not a single one.
  const std::string& column() const noexcept { return column_; }
  /// The record's value for the column, shortened.
  const std::string& value() const noexcept { return value_; }

 private:
  std::string column_;
  std::string value_;
};

}  // namespace data_sync
