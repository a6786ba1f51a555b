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

/// How an access token is had, by client credentials.
struct OAuth {
  explicit OAuth(const Url& where) : token_url(where) {}

  Url token_url;
  std::string client_id;
  std::string client_secret_file;
  std::string scope;
  std::string audience;
  bool in_body = false;  // the client's name and secret; else in a Basic header
};

/// How a server is spoken to, as a source or a target.
struct Endpoint {
  explicit Endpoint(const Url& where) : url(where) {}

  Url url;
  std::vector<std::string> headers;  // "Name: value", for the origin of url alone, like the token
  std::string token_header = "Authorization";
  std::string token_file;  // empty: no token, or one by oauth
  std::optional<OAuth> oauth;
  std::vector<std::string> allow_hosts;  // besides the origin of url: "host" or "host:port"
  bool allow_private = false;
  std::string ca_file;  // PEM; empty: the certificates that the system trusts
  milliseconds connect_timeout{10'000};
  milliseconds timeout{60'000};        // one request as a whole
  std::size_t max_bytes = 64U << 20U;  // of all that one job reads, decompressed
};

/// link and field are followed as URLs; page and offset are counted; token and last are sent as a parameter.
enum class Paging { none, link, field, page, offset, token, last };

struct ApiSource {
  explicit ApiSource(Endpoint where) : endpoint(std::move(where)) {}

  Endpoint endpoint;
  std::string body;            // JSON text to POST; empty: GET
  rapidjson::Pointer records;  // where in a response the array is
  Paging paging = Paging::none;
  rapidjson::Pointer next;     // Paging::field and token: where in a response the next page's URL or token is
  std::string next_header;     // Paging::token: the header that has it, in small letters, in place of next
  rapidjson::Pointer last;     // Paging::last: where in a record its id is
  std::string page_parameter;  // of the query, or with a slash in front a JSON pointer into the body
  std::int64_t first_page = 1;
  std::size_t page_size = 0;                    // a page of fewer records is the last; 0: not known
  std::optional<rapidjson::Pointer> more;       // in a response: whether there is another page
  std::optional<rapidjson::Pointer> total;      // in a response: how many records there are on all pages
  std::size_t max_pages = 0;                    // 0: no limit
  std::chrono::milliseconds max_time{600'000};  // that one run reads pages, where it can go on in another
  std::optional<rapidjson::Pointer> cursor;     // in a record
  std::string cursor_parameter;                 // as page_parameter
  bool etag = false;
  std::vector<std::string> parameters;  // those that a payload may set
};

/// A column of a table, or a field of what is sent, and where in a record its value is.
struct Column {
  std::string name;
  rapidjson::Pointer pointer;
  bool key = false;
};

/// What becomes of a column, or a field, that a record has nothing for.
enum class Absent { keep, null, fail };

/// What is done with records, as they come from a source and on their way to any target.
struct Records {
  std::vector<Column> columns;  // of a table; or fields of what is sent, none of them: records as they are
  Absent absent = Absent::keep;
  bool skip_bad = false;       // else a bad record fails the job
  bool fail_unmapped = false;  // where a column was found in no record; else a warning
};

struct DatabaseTarget {
  std::string table;  // schema.table, quoted
  Records records;
  std::optional<rapidjson::Pointer> deleted;  // in a record: something there means that it was deleted
  std::string deleted_column;      // quoted; is set to the time in place of deleting; empty: rows are deleted
  bool remove_missing = false;     // of a full sync: rows that no record named
  double max_removed_share = 0.2;  // of the rows that are there
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
  Records records;
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
