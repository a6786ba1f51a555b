// Signs mails with DKIM (RFC 6376, and RFC 8463 for Ed25519), so that receivers can verify their origin.
#pragma once

#include <openssl/evp.h>

#include <ctime>
#include <memory>
#include <string>
#include <string_view>

namespace email {

class DkimSigner {
 public:
  /// `pem` is a private key: RSA of 1024 bits or more, or Ed25519. The public key is in DNS at
  /// SELECTOR._domainkey.DOMAIN. Throws std::runtime_error if `pem` is invalid.
  DkimSigner(std::string domain, std::string selector, const std::string& pem);

  /// The field to put before `mail`, which is a header and a body with CRLF line ends. Thread-safe.
  std::string signature_of(std::string_view mail, std::time_t now) const;

 private:
  std::string sign(const std::string& text) const;

  const std::string domain_;
  const std::string selector_;
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
};

}  // namespace email
