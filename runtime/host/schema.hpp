// JSON Schema (draft 4, RapidJSON's) over text of any depth and with numbers of any size.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::host {

/// A compiled schema. Not thread-safe: each slot has its own.
class Schema {
 public:
  /// Throws Refusal when `text` is no JSON. An empty text accepts everything.
  explicit Schema(const std::string& text);
  Schema(Schema&&) noexcept;
  Schema& operator=(Schema&&) noexcept;
  ~Schema();

  /// None when `json` passes, else a sentence with the JSON pointer and the rule that it breaks; `what`
  /// begins it.
  std::optional<std::string> check(std::string_view json, const std::string& what = "the payload");

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

/// True when `text` is one JSON value.
bool is_json(std::string_view text);

}  // namespace sluice::host
