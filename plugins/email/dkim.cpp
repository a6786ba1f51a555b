#include "dkim.hpp"

#include <openssl/bio.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>
#include <vector>

#include "../common/encoding.hpp"
#include "encoding.hpp"

namespace email {

namespace {

constexpr std::size_t digits_of_line = 68;

// The fields that are signed if they are present. From is listed once more than it occurs, so that nobody can
// add another.
constexpr std::array<std::string_view, 18> signed_fields{"from",
                                                         "reply-to",
                                                         "to",
                                                         "cc",
                                                         "subject",
                                                         "date",
                                                         "message-id",
                                                         "sender",
                                                         "in-reply-to",
                                                         "references",
                                                         "mime-version",
                                                         "content-type",
                                                         "content-transfer-encoding",
                                                         "list-id",
                                                         "list-unsubscribe",
                                                         "list-unsubscribe-post",
                                                         "list-help",
                                                         "auto-submitted"};

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Key read_key(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  const auto no_password = [](char*, int, int, void*) { return 0; };
  Key key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr) : nullptr, &EVP_PKEY_free);
  if (!key) throw std::runtime_error("is not a private key in PEM, or has a password");
  const int type = EVP_PKEY_base_id(key.get());
  if (type != EVP_PKEY_ED25519 && (type != EVP_PKEY_RSA || EVP_PKEY_bits(key.get()) < 1024)) {
    throw std::runtime_error("is neither an RSA key of at least 1024 bits nor an Ed25519 key");
  }
  return key;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/// The "relaxed" form: each run of blanks becomes one, and blanks at the end are dropped.
std::string relaxed_line(std::string_view line) {
  std::string out;
  bool blank = false;
  for (const char c : line) {
    if (is_blank(c)) {
      blank = true;
      continue;
    }
    if (blank) out += ' ';
    blank = false;
    out += c;
  }
  return out;
}

std::string relaxed_body(std::string_view body) {
  std::string out;
  std::size_t empty_lines = 0;
  while (!body.empty()) {
    const std::size_t end = std::min(body.find("\r\n"), body.size());
    const std::string line = relaxed_line(body.substr(0, end));
    body.remove_prefix(std::min(end + 2, body.size()));
    if (line.empty()) {
      ++empty_lines;
      continue;
    }
    for (; empty_lines > 0; --empty_lines) out += "\r\n";
    out += line + "\r\n";
  }
  return out;
}

struct Field {
  std::string name;     // in lower case
  std::string relaxed;  // name:value
};

Field relaxed_field(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string name = small_letters(text.substr(0, colon));
  std::string unfolded;
  for (const char c : text.substr(colon + 1)) {
    if (c != '\r' && c != '\n') unfolded += c;
  }
  std::string value = relaxed_line(unfolded);
  if (!value.empty() && value.front() == ' ') value.erase(0, 1);
  return {name, name + ":" + value};
}

std::vector<Field> fields_of(std::string_view header) {
  std::vector<Field> fields;
  while (!header.empty()) {
    std::size_t end = header.find("\r\n");
    while (end + 2 < header.size() && is_blank(header[end + 2])) end = header.find("\r\n", end + 2);
    fields.push_back(relaxed_field(header.substr(0, end)));
    header.remove_prefix(end + 2);
  }
  return fields;
}

}  // namespace

DkimSigner::DkimSigner(std::string domain, std::string selector, const std::string& pem)
    : domain_(std::move(domain)), selector_(std::move(selector)), key_(read_key(pem)) {}

std::string DkimSigner::sign(const std::string& text) const {
  const bool rsa = EVP_PKEY_base_id(key_.get()) == EVP_PKEY_RSA;
  const std::string signed_text = rsa ? text : common::sha256(text);
  const auto* const bytes = reinterpret_cast<const unsigned char*>(signed_text.data());
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  std::size_t size = 0;
  if (!context ||
      EVP_DigestSignInit(context.get(), nullptr, rsa ? EVP_sha256() : nullptr, nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, bytes, signed_text.size()) != 1) {
    throw std::runtime_error("OpenSSL could not begin a DKIM signature");
  }
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes,
                     signed_text.size()) != 1) {
    throw std::runtime_error("OpenSSL could not make a DKIM signature");
  }
  signature.resize(size);
  return common::base64(signature);
}

std::string DkimSigner::signature_of(std::string_view mail, std::time_t now) const {
  const std::size_t end = mail.find("\r\n\r\n");
  if (end == std::string_view::npos) throw std::runtime_error("a mail without a body can't be signed");
  const auto fields = fields_of(mail.substr(0, end + 2));
  std::string names;
  std::string text;
  // RFC 6376: fields with the same name are signed from the last to the first.
  for (auto field = fields.rbegin(); field != fields.rend(); ++field) {
    if (std::find(signed_fields.begin(), signed_fields.end(), field->name) == signed_fields.end()) continue;
    names += field->name + ":\r\n\t ";
    text += field->relaxed + "\r\n";
  }
  names += "from";
  const bool rsa = EVP_PKEY_base_id(key_.get()) == EVP_PKEY_RSA;
  std::string signature = std::string("DKIM-Signature: v=1; a=") + (rsa ? "rsa" : "ed25519") +
                          "-sha256; c=relaxed/relaxed;\r\n\td=" + domain_ + "; s=" + selector_ +
                          "; t=" + std::to_string(now) + ";\r\n\th=" + names +
                          ";\r\n\tbh=" + common::base64(common::sha256(relaxed_body(mail.substr(end + 4)))) +
                          ";\r\n\tb=";
  const std::string digits = sign(text + relaxed_field(signature).relaxed);
  for (std::size_t at = 0; at < digits.size(); at += digits_of_line) {
    if (at != 0) signature += "\r\n\t";
    signature.append(digits, at, digits_of_line);
  }
  return signature + "\r\n";
}

}  // namespace email
