// A job's payload.
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

  // Either the records in the payload,
  bool is_inline = false;
  rapidjson::Document records;  // an array

  // or what to request from the source.
  std::map<std::string, std::string> parameters;
  std::optional<rapidjson::Document> cursor;  // a string or a number, instead of the kept one
  bool full = false;                          // all records, regardless of earlier jobs
};

/// Throws sluice::PermanentError if the payload is invalid.
Order read_order(sluice::Job& job);

}  // namespace data_sync
