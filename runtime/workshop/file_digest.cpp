#include "workshop/file_digest.hpp"

#include <openssl/evp.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <memory>
#include <vector>

namespace sluice::workshop {

namespace {

using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;
using Digest = std::array<unsigned char, EVP_MAX_MD_SIZE>;

std::string hexadecimal(const Digest& digest, unsigned size) {
  std::string text;
  std::array<char, 3> byte{};
  for (unsigned i = 0; i < size; ++i) {
    std::snprintf(byte.data(), byte.size(), "%02x", digest.at(i));
    text += byte.data();
  }
  return text;
}

}  // namespace

std::string sha256_of(const std::string& path) {
  constexpr std::size_t piece = 64 * 1024;
  std::ifstream file(path, std::ios::binary);
  const Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  if (!file || !context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) return {};
  std::vector<char> buffer(piece);
  while (file.read(buffer.data(), piece) || file.gcount() > 0)
    EVP_DigestUpdate(context.get(), buffer.data(), static_cast<std::size_t>(file.gcount()));
  Digest digest{};
  unsigned size = 0;
  if (file.bad() || EVP_DigestFinal_ex(context.get(), digest.data(), &size) != 1) return {};
  return hexadecimal(digest, size);
}

}  // namespace sluice::workshop
