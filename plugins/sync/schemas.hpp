// JSON Schemas, draft 4, of the payload and the configuration. `sluice plugin inspect` shows them, and the
// runtime checks payloads and configuration against them before the plugin gets them.
#pragma once

#include <string_view>

namespace data_sync {

constexpr std::string_view payload_schema = R"({
  "type": "object",
  "required": ["source", "target"],
  "properties": {
    "source": {"type": "string", "minLength": 1},
    "target": {"type": "string", "minLength": 1},
    "data": {"type": ["object", "array", "null"]}
  }
})";

constexpr std::string_view payload_example = R"({
  "source": "api",
  "target": "database",
  "data": {"records": [{"id": "c-1", "name": "Ada Lovelace"}, {"id": "c-2", "name": "Alan Turing"}]}
})";

constexpr std::string_view config_schema = R"({
  "type": "object",
  "additionalProperties": false,
  "definitions": {
    "texts": {"type": "array", "items": {"type": "string"}},
    "map": {"type": "object", "additionalProperties": {"type": "string"}},
    "oauth": {
      "type": "object",
      "required": ["token_url", "client_id", "client_secret_file"],
      "additionalProperties": false,
      "properties": {
        "token_url": {"type": "string"},
        "client_id": {"type": "string"},
        "client_secret_file": {"type": "string"},
        "scope": {"type": "string"},
        "audience": {"type": "string"},
        "credentials": {"enum": ["basic", "body"]}
      }
    },
    "columns": {
      "type": ["array", "object"],
      "items": {"type": "string"},
      "additionalProperties": {"type": "string"}
    }
  },
  "properties": {
    "sources": {"type": "object", "additionalProperties": {
      "type": "object",
      "required": ["kind", "url"],
      "additionalProperties": false,
      "properties": {
        "kind": {"enum": ["api"]},
        "url": {"type": "string"},
        "headers": {"$ref": "#/definitions/map"},
        "token_file": {"type": "string"},
        "token_header": {"type": "string"},
        "allow_hosts": {"$ref": "#/definitions/texts"},
        "allow_private": {"type": "boolean"},
        "ca_file": {"type": "string"},
        "connect_timeout": {"type": "number"},
        "timeout": {"type": "number"},
        "max_bytes": {"type": "integer"},
        "oauth": {"$ref": "#/definitions/oauth"},
        "body": {"type": "object"},
        "records": {"type": "string"},
        "paging": {"enum": ["none", "link", "field", "page", "offset", "token", "last"]},
        "next": {"type": "string"},
        "next_header": {"type": "string", "minLength": 1},
        "last": {"type": "string"},
        "more": {"type": "string"},
        "total": {"type": "string"},
        "page_size": {"type": "integer"},
        "max_time": {"type": "number"},
        "page_parameter": {"type": "string", "minLength": 1},
        "first_page": {"type": "integer"},
        "max_pages": {"type": "integer"},
        "cursor": {"type": "string"},
        "cursor_parameter": {"type": "string", "minLength": 1},
        "etag": {"type": "boolean"},
        "parameters": {"$ref": "#/definitions/texts"}
      }
    }},
    "targets": {"type": "object", "additionalProperties": {
      "type": "object",
      "required": ["kind"],
      "additionalProperties": false,
      "properties": {
        "kind": {"enum": ["database", "api"]},
        "table": {"type": "string"},
        "key": {"$ref": "#/definitions/texts"},
        "columns": {"$ref": "#/definitions/columns"},
        "absent": {"enum": ["keep", "null", "fail"]},
        "on_bad_record": {"enum": ["fail", "skip"]},
        "on_unmapped": {"enum": ["warn", "fail"]},
        "deleted": {"type": "string"},
        "deleted_column": {"type": "string", "minLength": 1},
        "remove_missing": {"type": "boolean"},
        "max_removed_share": {"type": "number"},
        "batch_rows": {"type": "integer"},
        "url": {"type": "string"},
        "url_file": {"type": "string"},
        "state": {"type": "string"},
        "statement_timeout": {"type": "number"},
        "lock_timeout": {"type": "number"},
        "method": {"enum": ["POST", "PUT"]},
        "fields": {"$ref": "#/definitions/columns"},
        "one_by_one": {"type": "boolean"},
        "oauth": {"$ref": "#/definitions/oauth"},
        "headers": {"$ref": "#/definitions/map"},
        "token_file": {"type": "string"},
        "token_header": {"type": "string"},
        "allow_private": {"type": "boolean"},
        "ca_file": {"type": "string"},
        "connect_timeout": {"type": "number"},
        "timeout": {"type": "number"},
        "max_bytes": {"type": "integer"}
      }
    }}
  }
})";

// Any network: pages may be on other hosts and ports (allow_hosts), and a database may be behind a Unix
// socket. The files are read again for each job or connection, and may be replaced.
constexpr std::string_view sandbox = R"({
  "network": "any",
  "read": ["config:/sources/*/token_file/..", "config:/sources/*/ca_file/..",
           "config:/sources/*/oauth/client_secret_file/..", "config:/targets/*/token_file/..",
           "config:/targets/*/ca_file/..", "config:/targets/*/oauth/client_secret_file/..", "config:/targets/*/url_file/.."]
})";

}  // namespace data_sync
