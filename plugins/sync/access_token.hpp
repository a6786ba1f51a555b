// An OAuth 2.0 access token from client credentials (RFC 6749, 4.4): requested when it is first needed, and
// kept until shortly before it expires.
#pragma once

#include <chrono>
#include <sluice/job.hpp>
#include <string>

#include "config.hpp"
#include "http_client.hpp"

namespace data_sync {

/// Not thread-safe.
class AccessToken {
 public:
  /// `endpoint`, which must have oauth, must outlive the object.
  explicit AccessToken(const Endpoint& endpoint);

  bool is_cached() const;
  /// Requests a token if none is cached. Throws Trouble or Cancelled, never PermanentError, because the
  /// operator can fix problems of an account or its server.
  std::string get(const sluice::Job& job);
  void forget() { token_.clear(); }

 private:
  using Clock = std::chrono::steady_clock;

  HttpResponse ask(const sluice::Job& job);

  const OAuth& oauth_;
  const Endpoint token_endpoint_;
  HttpClient client_;
  std::string token_;
  Clock::time_point expires_;
};

}  // namespace data_sync
