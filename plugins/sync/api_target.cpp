#include "api_target.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "../common/encoding.hpp"
#include "json.hpp"

namespace data_sync {

namespace {

/// The same in every attempt that sends the same body. It differs if the source has changed between attempts,
/// because a server can refuse a key that it has seen with another body.
std::string idempotency_key(const sluice::Job& job, std::size_t batch, const std::string& body) {
  const std::string job_key(job.idempotency_key());
  return common::sha256_hex(std::to_string(job_key.size()) + ":" + job_key + ":" + std::to_string(batch) +
                            ":" + body)
      .substr(0, 32);
}

}  // namespace

Row ToApi::row(const rapidjson::Value& record) const {
  if (config_.records.columns.empty()) return {to_text(record), "{}", {}, false, 0, 0};
  return row_of(record, config_.records);
}

Counts ToApi::write(Rows& rows, bool, const Scope&, const std::optional<State>&, const sluice::Job& job) {
  std::vector<const Row*> all;
  for (const Row& row : rows.all()) all.push_back(&row);
  std::size_t requests = 0;
  for (std::size_t first = 0; first < all.size(); first += config_.batch_rows) {
    const std::size_t end = std::min(first + config_.batch_rows, all.size());
    const std::string body = config_.one_by_one ? all[first]->json : array_of(all, first, end);
    HttpRequest request{config_.endpoint.url, config_.method, {}, &body, config_.endpoint.max_bytes, {}, {}};
    request.headers.push_back("Idempotency-Key: " + idempotency_key(job, requests, body));
    request.headers.emplace_back("Content-Type: application/json");
    ++requests;
    try {
      client_.send(request, job);
    } catch (const sluice::PermanentError& error) {
      // The error of a request with several records can be about any of them.
      if (!config_.records.skip_bad || !config_.one_by_one) throw;
      rows.skipped.push_back({rows.place(*all[first]), all[first]->key, error.code(), error.what(), {}, {}});
    }
    job.progress(static_cast<double>(end) / static_cast<double>(all.size()));
  }
  return {{"requests", requests}};
}

}  // namespace data_sync
