// The configuration. It is checked when the plugin starts, and constant from then on.
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

/// How to request an access token with client credentials.
struct OAuth {
  explicit OAuth(const Url& where) : token_url(where) {}

  Url token_url;
  std::string client_id;
  std::string client_secret_file;
  std::string scope;
  std::string audience;
  bool in_body = false;  // whether client id and secret are sent in the body; otherwise in a Basic header
};

/// How to send requests to a server, which is a source or a target.
struct Endpoint {
  explicit Endpoint(const Url& where) : url(where) {}

  Url url;
  std::vector<std::string> headers;  // "Name: value"; like the token, sent only to the origin of url
  std::string token_header = "Authorization";
  std::string token_file;  // empty: no token, or one from oauth
  std::optional<OAuth> oauth;
  std::vector<std::string> allow_hosts;  // besides the origin of url: "host" or "host:port"
  bool allow_private = false;
  std::string ca_file;  // PEM; empty: the certificates that the system trusts
  milliseconds connect_timeout{10'000};
  milliseconds timeout{60'000};        // for one whole request
  std::size_t max_bytes = 64U << 20U;  // of everything that one job reads, decompressed
};

/// link and field give URLs; page and offset are counted; token and last are sent as a parameter.
enum class Paging { none, link, field, page, offset, token, last };

struct ApiSource {
  explicit ApiSource(Endpoint where) : endpoint(std::move(where)) {}

  Endpoint endpoint;
  std::string body;            // JSON text to POST; empty: GET
  rapidjson::Pointer records;  // the array in a response
  Paging paging = Paging::none;
  rapidjson::Pointer next;     // Paging::field and token: the next page's URL or token in a response
  std::string next_header;     // Paging::token: the header with the token, in lower case, instead of next
  rapidjson::Pointer last;     // Paging::last: the id in a record
  std::string page_parameter;  // of the query, or with a leading slash a JSON pointer into the body
  std::int64_t first_page = 1;
  std::size_t page_size = 0;                    // a page with fewer records is the last; 0: unknown
  std::optional<rapidjson::Pointer> more;       // in a response: whether there is another page
  std::optional<rapidjson::Pointer> total;      // in a response: the number of records on all pages
  std::size_t max_pages = 0;                    // 0: no limit
  std::chrono::milliseconds max_time{600'000};  // for reading pages in one run, if another can continue
  std::optional<rapidjson::Pointer> cursor;     // in a record
  std::string cursor_parameter;                 // like page_parameter
  bool etag = false;
  std::vector<std::string> parameters;  // those that payloads can set
};

/// A column of a table, or a field to send, and the place of its value in a record.
struct Column {
  std::string name;
  rapidjson::Pointer pointer;
  bool key = false;
};

/// What to do with a column, or a field, that a record has no value for.
enum class Absent { keep, null, fail };

/// How records are converted for a target.
struct Records {
  std::vector<Column> columns;  // of a table, or fields to send; empty: whole records
  Absent absent = Absent::keep;
  bool skip_bad = false;       // otherwise a bad record fails the job
  bool fail_unmapped = false;  // whether a column that no record has is an error; otherwise a warning
};

struct DatabaseTarget {
  std::string table;  // schema.table, quoted
  Records records;
  std::optional<rapidjson::Pointer> deleted;  // in a record: whether it was deleted
  std::string deleted_column;      // quoted; set to the time instead of deleting; empty: rows are deleted
  bool remove_missing = false;     // whether a full sync removes rows without a record
  double max_removed_share = 0.2;  // of the existing rows
  std::size_t batch_rows = 500;
  bool own_connection = false;  // otherwise the rows are effects of the job
  std::string url;
  std::string url_file;  // instead of url; read for each connection, so that it can be changed
  std::string state;     // schema.table, quoted; empty: cursors and ETags are not kept
  milliseconds connect_timeout{10'000};
  milliseconds statement_timeout{30'000};
  milliseconds lock_timeout{5'000};
};

struct ApiTarget {
  explicit ApiTarget(Endpoint where) : endpoint(std::move(where)) {}

  Endpoint endpoint;
  std::string method = "POST";
  Records records;
  std::size_t batch_rows = 100;  // records of one request
  bool one_by_one = false;       // a request contains one record, not an array of them
};

using TargetConfig = std::variant<DatabaseTarget, ApiTarget>;

struct Config {
  std::map<std::string, ApiSource> sources;
  std::map<std::string, TargetConfig> targets;
};

/// Throws std::runtime_error, whose message says what to fix.
Config read_config(const sluice::Config& json);

/// The first line of a secret's file. Throws Trouble if it can't be read or is empty.
std::string read_secret(const std::string& file);

}  // namespace data_sync
