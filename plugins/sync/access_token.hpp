// An OAuth 2.0 access token by client credentials (RFC 6749, 4.4): asked for when it is first needed, kept
// until shortly before it expires.
#pragma once

#include <chrono>
#include <sluice/job.hpp>
#include <string>

#include "config.hpp"
#include "http_client.hpp"

namespace data_sync {

/// Used by one thread.
class AccessToken {
 public:
  /// `endpoint`, which has oauth, has to outlive it.
  explicit AccessToken(const Endpoint& endpoint);

  bool is_cached() const;
  /// Asks the token endpoint where none is cached. Throws Trouble or Cancelled: what is wrong with an account
  /// or its server is mended there.
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
