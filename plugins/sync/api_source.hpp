// Reads records from an API: page by page, from a cursor on, or not at all when nothing has changed.
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
  std::string etag;       // empty: whatever it is
  std::string position;   // where an earlier run left off, as JSON text; empty: at the first page
  bool may_stop = false;  // whether another run can go on where this one stops
};

struct Answer {
  std::size_t pages = 0;  // of this run
  bool not_modified = false;
  bool whole = false;    // whether the last page was read, and the first one in this run
  bool stopped = false;  // in good order, before the last page
  std::string cursor;    // the largest one of the records, of earlier runs too; empty without any
  std::string etag;
  std::string position;  // after the last page that was read, as JSON text; empty when there is no other
  std::vector<std::string> warnings;
};

/// Is called for each page. `name` is what errors call it: "page 2 of https://...".
using TakePage =
    std::function<void(const std::string& name, const rapidjson::Value& records, Cursor& cursor)>;

/// Fills `answer` page by page, so that it says how far this came where it throws Trouble,
/// sluice::PermanentError or Cancelled.
void ask(HttpClient& client, const ApiSource& source, const Question& question, const sluice::Job& job,
         Answer& answer, const TakePage& take);

}  // namespace data_sync
