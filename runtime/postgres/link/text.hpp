// Values in PostgreSQL's text format, in both directions. Parameters go as text, arrays as one
// parameter each.
#pragma once

#include <cstdint>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <string_view>
#include <vector>

#include "job/job.hpp"

namespace sluice::postgres {

/// Builds an array constant such as {"a","b",NULL}. Text elements must be valid UTF-8 without NUL.
class ArrayText {
 public:
  void add(std::string_view text);
  void add(std::int64_t number);
  void add_flag(bool flag);
  void add_null();
  /// The whole constant; more elements may be added afterwards.
  std::string str() const { return text_ + "}"; }

 private:
  void separate();

  std::string text_ = "{";
};

std::string array_text(const std::vector<std::int64_t>& numbers);
/// Invalid UTF-8 in `texts` is replaced (base::valid_utf8).
std::string array_text(const std::vector<std::string>& texts);

/// A field as PostgreSQL prints it; empty if it is null.
std::string text_of(const pqxx::field& field);

/// A cursor as float8. Nullopt, NaN and values before all timestamps become -Infinity, values after all
/// timestamps become Infinity. PostgreSQL can turn each of them into a timestamp without an error.
std::string cursor_text(std::optional<double> cursor);

/// A float8 as PostgreSQL prints it, "Infinity" included.
double parse_double(std::string_view text);

/// Whole microseconds between 0 and a century. Nobody waits longer, and adding it to now() can't fail.
std::int64_t bounded_microseconds(job::Microseconds time);

/// `text` with everything but printable ASCII, tab and newline replaced by '?'.
std::string ascii_only(std::string_view text);

}  // namespace sluice::postgres
