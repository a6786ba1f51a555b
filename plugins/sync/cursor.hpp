// Cursors: which of two values of a source is the later one. Pure decisions, except Cursor, which keeps the
// latest.
#pragma once

#include <rapidjson/document.h>
#include <rapidjson/pointer.h>

#include <optional>
#include <string>
#include <string_view>

namespace data_sync {

/// Negative, 0 or positive if a is smaller than b, equal or larger. Both are decimal numbers as in JSON, of
/// any length.
int compare_numbers(std::string_view a, std::string_view b);

/// Like compare_numbers, for two cursors: two ISO 8601 times are compared as times in any zone (without one:
/// UTC), two decimal numbers as numbers, also as texts, and other texts by their bytes. std::nullopt if they
/// can't be compared.
std::optional<int> compare_cursors(const rapidjson::Value& a, const rapidjson::Value& b);

/// The largest cursor among records. Null and absent cursors are ignored.
class Cursor {
 public:
  /// `largest` is the largest cursor so far, as JSON text, or empty.
  Cursor(const std::optional<rapidjson::Pointer>& pointer, const std::string& largest);

  /// Throws BadRecord if the record's cursor is neither a text nor a number, or can't be compared with the
  /// others.
  void see(const rapidjson::Value& record);
  /// JSON text; empty if no record had a cursor.
  std::string text() const;

 private:
  const std::optional<rapidjson::Pointer>& pointer_;
  rapidjson::Document largest_;
};

}  // namespace data_sync
