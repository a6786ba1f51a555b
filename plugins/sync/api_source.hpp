// Reads records from an API: page by page, from a cursor on, or not at all when nothing has changed.
#pragma once

#include <rapidjson/document.h>

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "http_client.hpp"

namespace data_sync {

struct Question {
  std::map<std::string, std::string> parameters;
  std::string cursor;  // JSON text of a string or a number; empty: from the beginning
  std::string etag;    // empty: whatever it is
};

struct Answer {
  std::size_t pages = 0;
  bool not_modified = false;
  std::string cursor;  // the largest one of the records; empty without any
  std::string etag;
};

/// Is called for each record, with its place for errors: "record 17 of page 2 of https://...".
using TakeRecord = std::function<void(const rapidjson::Value& record, const std::string& place)>;

/// Throws Trouble, sluice::PermanentError or Cancelled.
Answer ask(HttpClient& client, const ApiSource& source, const Question& question, const sluice::Job& job,
           const TakeRecord& take);

}  // namespace data_sync
