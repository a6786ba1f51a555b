// The signature of a webhook as specified by Standard Webhooks 1.0 (https://www.standardwebhooks.com):
// HMAC-SHA256 over "id.timestamp.body". Pure functions of bytes. Their errors never quote a secret.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace notification {

using Key = std::string;  // the decoded bytes

/// The keys in `text`: one or more secrets, separated by white space, each "whsec_" and base64 of 24 to 64
/// bytes. Throws std::runtime_error, which says which secret is invalid.
std::vector<Key> keys_in(std::string_view text);

/// The webhook-id of a job: its idempotency key if that has 1 to 128 letters, digits, - and _, otherwise the
/// key's SHA-256. The id is a header's value, and must not contain a dot because a dot ends it in the signed
/// text.
std::string delivery_id(std::string_view idempotency_key);

/// The webhook-signature: "v1,<base64>" for each key, separated by blanks.
std::string signatures(const std::vector<Key>& keys, std::string_view id, std::int64_t timestamp,
                       std::string_view body);

}  // namespace notification
