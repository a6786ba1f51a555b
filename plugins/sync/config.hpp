// What the operator configures, checked when the plugin starts. Constant from then on.
#pragma once

#include <rapidjson/pointer.h>

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <sluice/config.hpp>
#include <string>
#include <variant>
#include <vector>

#include "url.hpp"

namespace data_sync {

using std::chrono::milliseconds;

/// How a server is spoken to, as a source or a target.
struct Endpoint {
  explicit Endpoint(Url where) : url(std::move(where)) {}

  Url url;
  std::vector<std::string> headers;  // "Name: value", for the origin of url alone, like the token
  std::string token_header = "Authorization";
  std::string token_file;                // empty: no token
  std::vector<std::string> allow_hosts;  // besides the origin of url: "host" or "host:port"
  bool allow_private = false;
  std::string ca_file;  // PEM; empty: the certificates that the system trusts
  milliseconds connect_timeout{10'000};
  milliseconds timeout{60'000};        // one request as a whole
  std::size_t max_bytes = 64U << 20U;  // of all that one job reads, decompressed
};

enum class Paging { none, link, field, page, offset };

struct ApiSource {
  explicit ApiSource(Endpoint where) : endpoint(std::move(where)) {}

  Endpoint endpoint;
  rapidjson::Pointer records;  // where in a response the array is
  Paging paging = Paging::none;
  rapidjson::Pointer next;     // Paging::field: where the next page's URL is
  std::string page_parameter;  // Paging::page and offset
  std::int64_t first_page = 1;
  std::size_t max_pages = 100;
  std::optional<rapidjson::Pointer> cursor;  // in a record
  std::string cursor_parameter;
  bool etag = false;
  std::vector<std::string> parameters;  // those that a payload may set
};

/// A column of a table, or a field of what is sent, and where in a record its value is.
struct Column {
  std::string name;
  rapidjson::Pointer pointer;
  bool key = false;
};

struct DatabaseTarget {
  std::string table;  // schema.table, quoted
  std::vector<Column> columns;
  std::size_t batch_rows = 500;
  bool own_connection = false;  // else the rows are effects of the job
  std::string url;
  std::string url_file;  // in place of url; read for each connection, so that it can be changed
  std::string state;     // schema.table, quoted; empty: cursors and ETags are not kept
  milliseconds connect_timeout{10'000};
  milliseconds statement_timeout{30'000};
  milliseconds lock_timeout{5'000};
};

struct ApiTarget {
  explicit ApiTarget(Endpoint where) : endpoint(std::move(where)) {}

  Endpoint endpoint;
  std::string method = "POST";
  std::vector<Column> fields;    // empty: the records as they are
  std::size_t batch_rows = 100;  // records of one request
  bool one_by_one = false;       // a request holds one record, not an array of them
};

using TargetConfig = std::variant<DatabaseTarget, ApiTarget>;

struct Config {
  std::map<std::string, ApiSource> sources;
  std::map<std::string, TargetConfig> targets;
};

/// Throws with one sentence that says what to mend.
Config read_config(const sluice::Config& json);

/// The first line of a file that holds a secret. Throws Trouble when it can't be read or is empty.
std::string read_secret(const std::string& file);

}  // namespace data_sync
