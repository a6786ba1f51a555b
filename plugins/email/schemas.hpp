// What callers and operators may write, as JSON Schema, draft 4: it is shown by `sluice plugin inspect`,
// and the runtime checks it before the plugin sees a payload or a configuration.
#pragma once

#include <string_view>

namespace email {

constexpr std::string_view payload_schema = R"({
  "type": "object",
  "required": ["to", "subject", "body"],
  "definitions": {
    "address": {"type": "string", "minLength": 3},
    "addresses": {"oneOf": [{"$ref": "#/definitions/address"},
                            {"type": "array", "maxItems": 100, "items": {"$ref": "#/definitions/address"}}]}
  },
  "properties": {
    "to": {"$ref": "#/definitions/addresses"},
    "cc": {"$ref": "#/definitions/addresses"},
    "bcc": {"$ref": "#/definitions/addresses"},
    "from": {"$ref": "#/definitions/address"},
    "replyTo": {"$ref": "#/definitions/address"},
    "subject": {"type": "string"},
    "body": {"type": "string"},
    "html": {"type": "string"},
    "attachments": {
      "type": "array",
      "items": {
        "type": "object",
        "required": ["filename"],
        "additionalProperties": false,
        "properties": {
          "filename": {"type": "string", "minLength": 1, "maxLength": 255},
          "contentType": {"type": "string"},
          "content": {"type": "string"},
          "path": {"type": "string", "minLength": 1}
        },
        "oneOf": [{"required": ["content"]}, {"required": ["path"]}]
      }
    }
  }
})";

constexpr std::string_view payload_example = R"({
  "to": "Ada Lovelace <ada@example.com>",
  "subject": "Your report",
  "body": "Hello Ada,\n\nthe report is attached.\n",
  "attachments": [{"filename": "report.txt", "contentType": "text/plain", "content": "VG90YWw6IDQyCg=="}]
})";

// Nothing is required here: without transport the plugin itself says what to set.
constexpr std::string_view config_schema = R"({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "transport": {"enum": ["smtp", "file"]},
    "from": {"type": "string"},
    "url": {"type": "string"},
    "starttls": {"enum": ["required", "optional", "never"]},
    "user": {"type": "string"},
    "password": {"type": "string"},
    "password_file": {"type": "string"},
    "ca_file": {"type": "string"},
    "connect_timeout": {"type": "number"},
    "timeout": {"type": "number"},
    "directory": {"type": "string"},
    "attachments_directory": {"type": "string"},
    "max_bytes": {"type": "integer"},
    "message_id_domain": {"type": "string"}
  }
})";

}  // namespace email
