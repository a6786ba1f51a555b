// A record that can't be written, as opposed to a job that can't be done.
#pragma once

#include <sluice/result.hpp>
#include <string>
#include <utility>

namespace data_sync {

/// Says what is wrong with the record; whoever catches it knows which record it is.
class BadRecord : public sluice::PermanentError {
 public:
  BadRecord(std::string code, const std::string& message, std::string column = {}, std::string value = {})
      : PermanentError(std::move(code), message), column_(std::move(column)), value_(std::move(value)) {}
  /// Empty where no single column is to blame.
  const std::string& column() const noexcept { return column_; }
  /// What the record has for the column, shortened.
  const std::string& value() const noexcept { return value_; }

 private:
  std::string column_;
  std::string value_;
};

}  // namespace data_sync
