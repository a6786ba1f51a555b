// The signature of a webhook, as the Standard Webhooks specification 1.0 has it
// (https://www.standardwebhooks.com), for which receivers find libraries: HMAC-SHA256 over
// "id.timestamp.body". Pure functions of bytes; no error of theirs quotes a secret.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace notification {

using Key = std::string;  // its bytes

/// The keys in `text`: one secret or more, each "whsec_" and base64 of 24 to 64 bytes, apart by white space.
/// Throws std::runtime_error that says which of them is wrong.
std::vector<Key> keys_in(std::string_view text);

/// The webhook-id of a job: its idempotency key where that is made of letters, digits, - and _; else a
/// digest of it, since the id is a header's value and must not hold the dot that ends it in what is signed.
std::string delivery_id(std::string_view idempotency_key);

/// The webhook-signature: "v1,<base64>" for each key, apart by blanks.
std::string signatures(const std::vector<Key>& keys, std::string_view id, std::int64_t timestamp,
                       std::string_view body);

}  // namespace notification
