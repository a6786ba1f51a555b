// The statements. The .sql files of this folder hold them, each below a line `-- name: NAME`; only those that
// depend on what a caller asks for are put together in C++ (statements.cpp, desk/job_statements.cpp). A mark
// in braces stands for a text that is filled in: {outbox} and {outbox_literal} for the table, a text that the
// caller gives, or else the statement or fragment with that name. Inside runtime/postgres only.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

/// Texts by their marks, without the braces. They are inserted unchanged, and marks in them are not replaced.
using Fillings = std::map<std::string, std::string, std::less<>>;

/// Throws std::logic_error if the name is unknown, or if a mark has no text.
std::string sql(std::string_view name, const Fillings& fillings = {});
std::string sql(std::string_view name, const TableName& table, Fillings fillings = {});

/// One of the .sql files, which are embedded at build time.
struct SqlFile {
  std::string_view path;
  std::string_view text;
};
std::span<const SqlFile> sql_files();

}  // namespace sluice::postgres
