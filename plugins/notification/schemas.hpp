// JSON Schemas, draft 4, of the payloads and the configuration. `sluice plugin inspect` shows them, and the
// runtime checks payloads and configuration against them before the plugin gets them.
#pragma once

#include <string_view>

namespace notification {

constexpr std::string_view config_schema = R"({
  "type": "object",
  "additionalProperties": false,
  "definitions": {
    "texts": {"type": "array", "items": {"type": "string"}},
    "endpoint": {
      "type": "object",
      "required": ["url"],
      "additionalProperties": false,
      "properties": {
        "url": {"type": "string"},
        "secret": {"type": "string"},
        "secret_file": {"type": "string"},
        "types": {"$ref": "#/definitions/texts"},
        "users": {"$ref": "#/definitions/texts"},
        "allow_http": {"type": "boolean"},
        "ca_file": {"type": "string"},
        "connect_timeout": {"type": "number"},
        "timeout": {"type": "number"}
      }
    }
  },
  "properties": {
    "table": {"type": "string", "description": "schema.table with the columns of sluice.notification"},
    "channel": {"type": "string", "description": "the channel for NOTIFY"},
    "webhook": {"$ref": "#/definitions/endpoint"},
    "webhooks": {"type": "object", "additionalProperties": {"$ref": "#/definitions/endpoint"}}
  }
})";

constexpr std::string_view send_schema = R"({
  "type": "object",
  "required": ["userId", "type", "message"],
  "properties": {
    "userId": {"type": ["string", "integer"], "minLength": 1, "maxLength": 1000},
    "type": {"type": ["string", "integer"], "minLength": 1, "maxLength": 1000},
    "message": {"type": ["string", "number"]},
    "title": {"type": ["string", "number", "null"]},
    "link": {"type": ["string", "null"]},
    "data": {}
  }
})";

constexpr std::string_view send_example = R"({"userId": "user-123", "type": "proposal_approved",)"
                                          R"( "message": "Your proposal has been approved",)"
                                          R"( "link": "/proposals/7", "data": {"proposalId": 7}})";

constexpr std::string_view webhook_schema = R"({
  "type": "object",
  "required": ["jobId", "userId", "type", "message"],
  "properties": {
    "jobId": {"type": "string"},
    "userId": {"type": ["string", "integer"]},
    "type": {"type": "string"},
    "message": {"type": "string"},
    "title": {"type": ["string", "null"]},
    "link": {"type": ["string", "null"]},
    "data": {},
    "endpoint": {"type": ["string", "null"]},
    "generation": {"type": ["integer", "null"]}
  }
})";

constexpr std::string_view webhook_example =
    R"({"jobId": "c1f0a", "userId": "user-123", "type": "proposal_approved",)"
    R"( "message": "Your proposal has been approved"})";

// Webhooks, and nothing without them: notifications are stored by the runtime. A secret's file may be
// replaced.
constexpr std::string_view sandbox = R"({
  "connect": ["config:/webhook/url", "config:/webhooks/*/url"],
  "read": ["config:/webhook/secret_file/..", "config:/webhooks/*/secret_file/..",
           "config:/webhook/ca_file/..", "config:/webhooks/*/ca_file/.."]
})";

}  // namespace notification
