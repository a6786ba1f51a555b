// Signatures in the format of minisign: Ed25519 of a file, or of its BLAKE2b digest.
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sluice::trust {

/// As in the second line of a .pub file.
struct PublicKey {
  std::string id;     ///< 8 bytes
  std::string bytes;  ///< 32
};
/// By the names that the operator gave them.
using PublicKeys = std::map<std::string, PublicKey>;

class BadKeys : public std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

/// Reads {"release": "RWQ..."}; empty text is no key. Throws BadKeys, whose words follow "keys ".
PublicKeys parse_keys(std::string_view json);

/// Throws base::Refusal unless `signature`, the content of a .minisig file, is that of `content` by one of
/// the keys. A trusted comment that names a file, as minisign writes it, must name `name`.
void verify(std::string_view content, const std::string& name, const std::string& signature,
            const PublicKeys& keys);

}  // namespace sluice::trust
