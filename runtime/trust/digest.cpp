#include "trust/digest.hpp"

#include <openssl/evp.h>

#include <array>
#include <stdexcept>

namespace sluice::trust {

namespace {

std::string digest(std::string_view data, const EVP_MD* method) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  if (EVP_Digest(data.data(), data.size(), bytes.data(), &size, method, nullptr) != 1)
    throw std::runtime_error("OpenSSL can't compute a digest that plugin files are checked with");
  return {reinterpret_cast<const char*>(bytes.data()), size};
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string to_base64(std::string_view data) {
  std::string text((data.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes_of(data),
                                   static_cast<int>(data.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

}  // namespace

std::string sha256(std::string_view data) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char c : digest(data, EVP_sha256())) {
    const auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4U];
    text += digits[byte & 15U];
  }
  return text;
}

std::string blake2b(std::string_view data) {
  return digest(data, EVP_blake2b512());
}

std::optional<std::string> from_base64(std::string_view text) {
  constexpr std::size_t longest = 1000;
  if (text.size() % 4 != 0 || text.empty() || text.size() > longest) return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()), bytes_of(text),
                                   static_cast<int>(text.size()));
  const auto padding = static_cast<std::size_t>(text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0);
  if (size < 0) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(size) - padding);
  if (to_base64(bytes) != text) return std::nullopt;  // OpenSSL accepts more
  return bytes;
}

}  // namespace sluice::trust
