// JSON Schemas and examples for people to read.
#pragma once

#include <string>

namespace sluice::cli {

/// A Markdown table with a row for each field that the schema names, nested ones as `a.b` and
/// `list[].c`, and what is true of the payload as a whole below it.
std::string schema_table(const std::string& schema);

/// The same JSON on several lines, keys in their order; as it is where it is none.
std::string indented_json(const std::string& json);

}  // namespace sluice::cli
