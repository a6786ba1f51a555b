// What callers and operators may write, as JSON Schema, draft 4: it is shown by `sluice plugin inspect`,
// and the runtime checks it before the plugin sees a payload or a configuration.
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
    "columns": {"oneOf": [{"$ref": "#/definitions/texts"}, {"$ref": "#/definitions/map"}]}
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
        "records": {"type": "string"},
        "paging": {"enum": ["none", "link", "field", "page", "offset"]},
        "next": {"type": "string"},
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
        "batch_rows": {"type": "integer"},
        "url": {"type": "string"},
        "url_file": {"type": "string"},
        "state": {"type": "string"},
        "statement_timeout": {"type": "number"},
        "lock_timeout": {"type": "number"},
        "method": {"enum": ["POST", "PUT"]},
        "fields": {"$ref": "#/definitions/columns"},
        "one_by_one": {"type": "boolean"},
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

}  // namespace data_sync
