#include "trust/minisign.hpp"

#include <openssl/evp.h>
#include <rapidjson/document.h>

#include <algorithm>
#include <array>
#include <memory>
#include <sstream>
#include <utility>
#include <vector>

#include "base/harmless.hpp"
#include "base/refusal.hpp"
#include "base/text.hpp"
#include "trust/digest.hpp"

namespace sluice::trust {

namespace {

constexpr std::size_t algorithm_size = 2;
constexpr std::size_t id_size = 8;
constexpr std::size_t key_size = 32;
constexpr std::size_t signature_size = 64;
constexpr std::string_view untrusted = "untrusted comment: ";
constexpr std::string_view trusted = "trusted comment: ";
constexpr const char* sign_again = "sign the file again: minisign -S -m FILE";

struct Signature {
  bool prehashed = false;
  std::string key_id;
  std::string bytes;
  std::string comment;  ///< the trusted one
  std::string of_comment;
};

/// As minisign shows it.
std::string shown_id(const std::string& id) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string text;
  for (auto byte = id.rbegin(); byte != id.rend(); ++byte) {
    text += digits[static_cast<unsigned char>(*byte) >> 4U];
    text += digits[static_cast<unsigned char>(*byte) & 15U];
  }
  return text;
}

[[noreturn]] void refuse_format(const std::string& why) {
  throw base::Refusal("a signature that is not in minisign's format (" + why + ")",
                      "the four lines that minisign writes", sign_again);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    lines.push_back(std::move(line));
  }
  return lines;
}

Signature parse(const std::string& text) {
  const std::vector<std::string> lines = lines_of(text);
  if (lines.size() != 4) refuse_format(std::to_string(lines.size()) + " lines");
  if (!lines[0].starts_with(untrusted)) refuse_format("no untrusted comment");
  if (!lines[2].starts_with(trusted)) refuse_format("no trusted comment");
  const auto first = from_base64(lines[1]);
  const auto second = from_base64(lines[3]);
  if (!first || first->size() != algorithm_size + id_size + signature_size)
    refuse_format("the second line is not a signature");
  if (!second || second->size() != signature_size) refuse_format("the fourth line is not a signature");
  const std::string algorithm = first->substr(0, algorithm_size);
  if (algorithm != "Ed" && algorithm != "ED") refuse_format("an unknown algorithm");
  return {algorithm == "ED", first->substr(algorithm_size, id_size), first->substr(algorithm_size + id_size),
          lines[2].substr(trusted.size()), *second};
}

bool is_signed(std::string_view message, const std::string& signature, const PublicKey& key) {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
  };
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> loaded(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes(key.bytes), key.bytes.size()),
      &EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  return loaded && context &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, loaded.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes(signature), signature.size(), bytes(message),
                          message.size()) == 1;
}

const PublicKey& key_of(const Signature& signature, const PublicKeys& keys) {
  std::vector<std::string> known;
  for (const auto& [name, key] : keys) {
    if (key.id == signature.key_id) return key;
    known.push_back(name + " (" + shown_id(key.id) + ")");
  }
  throw base::Refusal("a signature by the key " + shown_id(signature.key_id),
                      "one by a key of [plugins.keys]: " + base::joined(known),
                      "sign the file with one of these keys, or add the key and restart sluice");
}

/// "timestamp:1700000000\tfile:hello.so\thashed"
std::string named_file(const std::string& comment) {
  constexpr std::string_view field = "file:";
  std::istringstream fields(comment);
  for (std::string one; std::getline(fields, one, '\t');) {
    if (one.starts_with(field)) return one.substr(field.size());
  }
  return "";
}

PublicKey parse_key(const rapidjson::Value& value, const std::string& name) {
  const auto bytes =
      value.IsString() ? from_base64({value.GetString(), value.GetStringLength()}) : std::nullopt;
  if (!bytes || bytes->size() != algorithm_size + id_size + key_size || !bytes->starts_with("Ed"))
    throw BadKeys("has '" + name + "', which is not the second line of a public key of minisign (RW...)");
  return {bytes->substr(algorithm_size, id_size), bytes->substr(algorithm_size + id_size)};
}

}  // namespace

PublicKeys parse_keys(std::string_view json) {
  if (json.empty()) return {};
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  if (document.HasParseError() || !document.IsObject()) throw BadKeys("must be a table");
  PublicKeys keys;
  for (const auto& member : std::as_const(document).GetObject()) {
    const std::string name(member.name.GetString(), member.name.GetStringLength());
    keys[name] = parse_key(member.value, name);
  }
  return keys;
}

void verify(std::string_view content, const std::string& name, const std::string& signature,
            const PublicKeys& keys) {
  const Signature parsed = parse(signature);
  const PublicKey& key = key_of(parsed, keys);
  const std::string hashed = parsed.prehashed ? blake2b(content) : "";
  if (!is_signed(parsed.prehashed ? std::string_view(hashed) : content, parsed.bytes, key))
    throw base::Refusal("a signature that is not of this file", "the file's own", sign_again);
  if (!is_signed(parsed.bytes + parsed.comment, parsed.of_comment, key))
    throw base::Refusal("a signature whose trusted comment was changed", "the comment that was signed",
                        sign_again);
  const std::string file = named_file(parsed.comment);
  if (!file.empty() && file != name) {
    throw base::Refusal("the signature of a file named '" + base::harmless(base::shortened(file, 80)) + "'",
                        "that of '" + name + "'", "sign the file under its own name, or rename it");
  }
}

}  // namespace sluice::trust
