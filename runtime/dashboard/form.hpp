// What a browser sends in an address or a form, and addresses made of such.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::dashboard {

/// "a%20b" → "a b". Invalid sequences stay as they are.
std::string decoded(std::string_view text, bool plus_is_blank = false);
/// Everything except letters, digits, "-", "_", "." and "~" as "%20".
std::string encoded(std::string_view text);

/// The fields of a query or of a form (application/x-www-form-urlencoded), in order.
class Form {
 public:
  explicit Form(std::string_view text);

  const std::vector<std::pair<std::string, std::string>>& fields() const& { return fields_; }
  const std::vector<std::pair<std::string, std::string>>& fields() && = delete;  // a loop would outlive it
  /// The first value; empty if it is absent.
  std::string value(const std::string& name) const;
  bool has(const std::string& name) const;
  /// All values that are not empty.
  std::vector<std::string> values(const std::string& name) const;
  void set(const std::string& name, const std::string& value);
  void erase(const std::string& name);
  /// "?a=1&b=2"; empty without fields.
  std::string query() const;

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace sluice::dashboard
