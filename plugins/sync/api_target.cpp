#include "api_target.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "json.hpp"

namespace data_sync {

namespace {

std::string sha256_hex(const std::string& bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("SHA-256 failed");
  }
  constexpr std::string_view hex = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += hex[digest[i] >> 4U];
    text += hex[digest[i] & 15U];
  }
  return text;
}

/// The same in every attempt that sends the same; another one when the source has changed in between, since
/// a service may refuse a key that comes with another body.
std::string idempotency_key(const sluice::Job& job, std::size_t batch, const std::string& body) {
  const std::string job_key(job.idempotency_key());
  return sha256_hex(std::to_string(job_key.size()) + ":" + job_key + ":" + std::to_string(batch) + ":" + body)
      .substr(0, 32);
}

}  // namespace

std::string ToApi::row(const rapidjson::Value& record, const std::string& place) const {
  return config_.fields.empty() ? to_text(record) : row_of(record, config_.fields, place);
}

Counts ToApi::write(const Rows& rows, const Scope&, const std::optional<State>&, const sluice::Job& job) {
  std::size_t requests = 0;
  for (std::size_t first = 0; first < rows.size(); first += config_.batch_rows) {
    const std::string body = config_.one_by_one ? rows[first] : array_of(rows, first, config_.batch_rows);
    HttpRequest request{config_.endpoint.url, config_.method, {}, &body, config_.endpoint.max_bytes, {}};
    request.headers.push_back("Idempotency-Key: " + idempotency_key(job, requests, body));
    request.headers.emplace_back("Content-Type: application/json");
    client_.send(request, job);
    ++requests;
    job.progress(static_cast<double>(std::min(first + config_.batch_rows, rows.size())) /
                 static_cast<double>(rows.size()));
  }
  return {{"requests", requests}};
}

}  // namespace data_sync
