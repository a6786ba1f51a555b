// JSON Schemas, draft 4, of the payload and the configuration. `sluice plugin inspect` shows them, and the
// runtime checks payloads and configuration against them before the plugin gets them.
#pragma once

#include <string_view>

namespace email {

// The plugin itself checks addresses, bodies and attachments, because its errors are better than a schema's.
constexpr std::string_view payload_schema = R"({
  "type": "object",
  "definitions": {
    "addresses": {
      "type": ["string", "array", "object", "null"],
      "description": "one or more addresses: text as in a mail header, {name, address}, or an array of both",
      "items": {"$ref": "#/definitions/addresses"},
      "properties": {"name": {"type": ["string", "number"]}, "address": {"type": "string"}}
    },
    "text": {"type": ["string", "number"]},
    "ids": {"type": ["string", "array"], "items": {"type": "string"}}
  },
  "anyOf": [{"required": ["subject"]}, {"required": ["template"]}],
  "properties": {
    "to": {"$ref": "#/definitions/addresses"},
    "cc": {"$ref": "#/definitions/addresses"},
    "bcc": {"$ref": "#/definitions/addresses"},
    "from": {"$ref": "#/definitions/addresses"},
    "sender": {"$ref": "#/definitions/addresses"},
    "replyTo": {"$ref": "#/definitions/addresses"},
    "subject": {"$ref": "#/definitions/text"},
    "body": {"$ref": "#/definitions/text"},
    "text": {"$ref": "#/definitions/text"},
    "html": {"$ref": "#/definitions/text"},
    "template": {"type": "string"},
    "data": {"type": "object"},
    "locale": {"type": "string"},
    "timeZone": {"type": "string"},
    "headers": {"type": ["object", "array"]},
    "messageId": {"type": "string"},
    "inReplyTo": {"type": "string"},
    "references": {"$ref": "#/definitions/ids"},
    "envelope": {
      "type": "object",
      "properties": {
        "from": {"$ref": "#/definitions/addresses"},
        "to": {"$ref": "#/definitions/addresses"},
        "cc": {"$ref": "#/definitions/addresses"},
        "bcc": {"$ref": "#/definitions/addresses"}
      }
    },
    "attachments": {
      "type": ["array", "string"],
      "maxLength": 0,
      "items": {
        "type": ["object", "null"],
        "properties": {
          "filename": {"$ref": "#/definitions/text"},
          "contentType": {"type": "string"},
          "content": {"type": ["string", "number", "object", "array"]},
          "encoding": {"type": "string"},
          "path": {"type": "string"},
          "href": {"type": "string"},
          "cid": {"$ref": "#/definitions/text"},
          "contentDisposition": {"type": "string"}
        }
      }
    }
  }
})";

constexpr std::string_view payload_example = R"({
  "to": "Ada Lovelace <ada@example.com>, Bob <bob@example.com>",
  "subject": "Your report",
  "body": "Hello Ada,\n\nthe report is attached.\n",
  "attachments": [{"filename": "report.txt", "content": "Total: 42\n"}]
})";

// Nothing is required here, because without transport the plugin's own error says what to set.
constexpr std::string_view config_schema = R"({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "transport": {"enum": ["smtp", "file"]},
    "from": {"type": "string"},
    "envelope_from": {"type": "string"},
    "message_id_domain": {"type": "string"},
    "attachments_directory": {"type": "string"},
    "templates": {"type": "string"},
    "python": {"type": "string"},
    "renderer": {"type": "string"},
    "max_bytes": {"type": "integer"},
    "rate": {"type": "string"},
    "max_connections": {"type": "integer"},
    "dkim": {
      "type": "object",
      "additionalProperties": false,
      "required": ["selector", "key_file"],
      "properties": {
        "domain": {"type": "string"},
        "selector": {"type": "string"},
        "key_file": {"type": "string"}
      }
    },
    "url": {"type": "string"},
    "ehlo_name": {"type": "string"},
    "starttls": {"enum": ["required", "optional", "never"]},
    "auth": {"enum": ["plain", "login", "cram-md5", "xoauth2"]},
    "user": {"type": "string"},
    "password": {"type": "string"},
    "password_file": {"type": "string"},
    "oauth": {
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "token": {"type": "string"},
        "token_file": {"type": "string"},
        "endpoint": {"type": "string"},
        "client_id": {"type": "string"},
        "client_secret": {"type": "string"},
        "client_secret_file": {"type": "string"},
        "refresh_token": {"type": "string"},
        "refresh_token_file": {"type": "string"},
        "scope": {"type": "string"}
      }
    },
    "ca_file": {"type": "string"},
    "on_rejected": {"enum": ["deliver", "none"]},
    "connect_timeout": {"type": "number"},
    "timeout": {"type": "number"},
    "directory": {"type": "string"}
  }
})";

// What the configuration names, and no more. The files that are read again for each mail may be replaced.
constexpr std::string_view sandbox = R"({
  "connect": ["config:/url", "config:/oauth/endpoint"],
  "read": ["config:/templates", "config:/attachments_directory", "config:/ca_file", "config:/dkim/key_file",
           "config:/password_file/..", "config:/oauth/token_file/..", "config:/oauth/client_secret_file/..",
           "config:/oauth/refresh_token_file/..", "config:/renderer/..", "config:/python/../.."],
  "write": ["config:/directory"],
  "spawn": "config:/templates"
})";

}  // namespace email
