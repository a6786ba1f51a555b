// What a payload asks for.
#pragma once

#include <rapidjson/document.h>

#include <map>
#include <optional>
#include <string>

#include <sluice/job.hpp>

namespace data_sync {

struct Order {
  std::string source;
  std::string target;

  // Either records that are in the payload,
  bool is_inline = false;
  rapidjson::Document records;  // an array

  // or what to ask the source for.
  std::map<std::string, std::string> parameters;
  std::optional<rapidjson::Document> cursor;  // a string or a number, in place of the one that is kept
  bool full = false;                          // everything, whatever was seen before
};

/// Throws sluice::PermanentError for a payload that asks for nothing clear.
Order read_order(sluice::Job& job);

}  // namespace data_sync
