// Reads records from an API, page by page. It can start at a cursor, and reads nothing if nothing has
// changed.
#pragma once

#include <rapidjson/document.h>

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cursor.hpp"
#include "http_client.hpp"
#include "position.hpp"

namespace data_sync {

struct Question {
  std::map<std::string, std::string> parameters;
  std::string cursor;     // JSON text of a string or a number; empty: from the beginning
  std::string etag;       // empty: read in any case
  std::string position;   // where an earlier run stopped, as JSON text; empty: the first page
  bool may_stop = false;  // whether another run can continue where this one stops
};

struct Answer {
  std::size_t pages = 0;  // of this run
  bool not_modified = false;
  bool whole = false;    // whether this run read all pages, from the first to the last
  bool stopped = false;  // before the last page, so that another run continues
  std::string cursor;    // the largest cursor of all records, including earlier runs; empty if none has one
  std::string etag;
  std::string position;  // after the last page that was read, as JSON text; empty after the end
  std::vector<std::string> warnings;
};

/// Called for each page. `name` is the page's name in errors: "page 2 of https://...".
using TakePage =
    std::function<void(const std::string& name, const rapidjson::Value& records, Cursor& cursor)>;

/// Fills `answer` page by page, so that it also tells how far it got if this throws Trouble,
/// sluice::PermanentError or Cancelled.
void ask(HttpClient& client, const ApiSource& source, const Question& question, const sluice::Job& job,
         Answer& answer, const TakePage& take);

}  // namespace data_sync
