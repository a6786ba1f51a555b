// What callers and operators may write, as JSON Schema, draft 4: it is shown by `sluice plugin inspect`,
// and the runtime checks it before the plugin sees a payload or a configuration.
#pragma once

#include <string_view>

namespace notification {

constexpr std::string_view config_schema = R"({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "table": {"type": "string", "description": "schema.table with the columns of sluice.notification"},
    "channel": {"type": "string", "description": "the channel of NOTIFY"},
    "webhook": {
      "type": "object",
      "required": ["url"],
      "additionalProperties": false,
      "properties": {
        "url": {"type": "string"},
        "secret": {"type": "string"},
        "secret_file": {"type": "string"},
        "allow_http": {"type": "boolean"},
        "ca_file": {"type": "string"},
        "connect_timeout": {"type": "number"},
        "timeout": {"type": "number"}
      }
    }
  }
})";

constexpr std::string_view send_schema = R"({
  "type": "object",
  "required": ["userId", "type", "message"],
  "properties": {
    "userId": {"type": "string", "minLength": 1, "maxLength": 1000},
    "type": {"type": "string", "minLength": 1, "maxLength": 1000},
    "message": {"type": "string"}
  }
})";

constexpr std::string_view send_example = R"({"userId": "user-123", "type": "proposal_approved",)"
                                          R"( "message": "Your proposal has been approved"})";

constexpr std::string_view webhook_schema = R"({
  "type": "object",
  "required": ["jobId", "userId", "type", "message"],
  "properties": {
    "jobId": {"type": "string"},
    "userId": {"type": "string"},
    "type": {"type": "string"},
    "message": {"type": "string"}
  }
})";

constexpr std::string_view webhook_example =
    R"({"jobId": "c1f0a", "userId": "user-123", "type": "proposal_approved",)"
    R"( "message": "Your proposal has been approved"})";

}  // namespace notification
