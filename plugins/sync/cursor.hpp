// Cursors: which of two values of a source is the later one. Pure decisions, apart from Cursor, which
// remembers the latest.
#pragma once

#include <rapidjson/document.h>
#include <rapidjson/pointer.h>

#include <optional>
#include <string>
#include <string_view>

namespace data_sync {

/// Below, at or above 0, as a is smaller than b, equal or larger: decimal numbers as JSON has them, of any
/// length.
int compare_numbers(std::string_view a, std::string_view b);

/// The same of two cursors: two times of ISO 8601 as times, whatever their zones (none is UTC), two decimal
/// numbers as numbers, also where one is a text, and else two texts by their bytes. None where they can't be
/// compared.
std::optional<int> compare_cursors(const rapidjson::Value& a, const rapidjson::Value& b);

/// The largest cursor among records. null and absent ones are left out.
class Cursor {
 public:
  /// `largest` is JSON text, or empty: what was seen before.
  Cursor(const std::optional<rapidjson::Pointer>& pointer, const std::string& largest);

  /// Throws BadRecord where it is neither a text nor a number, or can't be compared with the others.
  void see(const rapidjson::Value& record);
  /// JSON text; empty when none was seen.
  std::string text() const;

 private:
  const std::optional<rapidjson::Pointer>& pointer_;
  rapidjson::Document largest_;
};

}  // namespace data_sync
