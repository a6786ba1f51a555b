// The records of one job on their way from a source to a target, each as JSON text in the target's form.
#pragma once

#include <rapidjson/document.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "config.hpp"

namespace data_sync {

using Rows = std::vector<std::string>;

/// An object of the columns' names and the record's values; what is absent is null. Throws
/// sluice::PermanentError, with `place` in it, for a record that is no object, or lacks a key.
std::string row_of(const rapidjson::Value& record, const std::vector<Column>& columns,
                   const std::string& place);

/// `count` rows from `first` on as a JSON array.
std::string array_of(const Rows& rows, std::size_t first, std::size_t count);

}  // namespace data_sync
