// Formats JSON Schemas and examples for people.
#pragma once

#include <string>

namespace sluice::cli {

/// A Markdown table with a row for each field that the schema names, nested ones as `a.b` and `list[].c`.
/// Below it are the rules for the payload as a whole.
std::string schema_table(const std::string& schema);

/// The same JSON on several lines, with the keys in their order; unchanged if it is not valid JSON.
std::string indented_json(const std::string& json);

}  // namespace sluice::cli
