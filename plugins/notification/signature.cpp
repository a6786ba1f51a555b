#include "signature.hpp"

#include <openssl/hmac.h>

#include <algorithm>
#include <stdexcept>

#include "../common/encoding.hpp"

namespace notification {

namespace {

constexpr std::size_t shortest_key = 24;  // bytes; the specification sets both bounds
constexpr std::size_t longest_key = 64;
constexpr std::size_t longest_id = 128;

/// Empty if `text` is not base64 with padding.
std::string base64_decoded(std::string_view text) {
  const std::size_t end = text.find_last_not_of('=') + 1;
  const std::size_t padding = text.size() - end;
  if (text.size() % 4 != 0 || padding > 2) return {};
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()), common::bytes_of(text),
                                   static_cast<int>(text.size()));
  if (size < 0) return {};
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return bytes;
}

std::string hmac_sha256(const Key& key, std::string_view text) {
  std::string mac(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), common::bytes_of(text), text.size(),
           reinterpret_cast<unsigned char*>(mac.data()), &size) == nullptr) {
    throw std::runtime_error("OpenSSL could not compute an HMAC-SHA256; is it disabled on this machine?");
  }
  mac.resize(size);
  return mac;
}

Key key_of(std::string_view secret, std::size_t number) {
  constexpr std::string_view prefix = "whsec_";
  if (secret.substr(0, prefix.size()) == prefix) {
    Key key = base64_decoded(secret.substr(prefix.size()));
    if (key.size() >= shortest_key && key.size() <= longest_key) return key;
  }
  throw std::runtime_error("secret number " + std::to_string(number) +
                           " is not whsec_ and base64 of 24 to 64 bytes; make one with: "
                           "echo \"whsec_$(openssl rand -base64 32)\"");
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

}  // namespace

std::vector<Key> keys_in(std::string_view text) {
  constexpr std::string_view white_space = " \t\r\n";
  std::vector<Key> keys;
  for (std::size_t begin = 0;;) {
    begin = text.find_first_not_of(white_space, begin);
    if (begin == std::string_view::npos) break;
    const std::size_t end = std::min(text.find_first_of(white_space, begin), text.size());
    keys.push_back(key_of(text.substr(begin, end - begin), keys.size() + 1));
    begin = end;
  }
  if (keys.empty()) throw std::runtime_error("it contains no secret");
  return keys;
}

std::string delivery_id(std::string_view idempotency_key) {
  const bool plain = !idempotency_key.empty() && idempotency_key.size() <= longest_id &&
                     std::all_of(idempotency_key.begin(), idempotency_key.end(), is_plain);
  return plain ? std::string(idempotency_key) : common::sha256_hex(idempotency_key);
}

std::string signatures(const std::vector<Key>& keys, std::string_view id, std::int64_t timestamp,
                       std::string_view body) {
  std::string content(id);
  content += "." + std::to_string(timestamp) + ".";
  content += body;
  std::string all;
  for (const Key& key : keys) {
    if (!all.empty()) all += ' ';
    all += "v1," + common::base64(hmac_sha256(key, content));
  }
  return all;
}

}  // namespace notification
