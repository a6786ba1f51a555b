// OAuth2 access tokens, shared by all connections: from a file, or from a token endpoint, kept as long as
// they live.
#pragma once

#include <chrono>
#include <mutex>
#include <string>

#include "config.hpp"

namespace email {

class AccessTokens {
 public:
  /// `config` has to outlive it; `limit` is for a request to the endpoint.
  AccessTokens(const OauthConfig& config, std::chrono::milliseconds limit) : config_(config), limit_(limit) {}

  /// One that should be valid. Throws Trouble: "password-file" for files, "oauth-token" where the endpoint
  /// gives none.
  std::string get();
  /// The server took it for invalid: the next get() asks for another one. False when that would make no
  /// difference.
  bool forget(const std::string& token);

 private:
  using Clock = std::chrono::steady_clock;

  std::string request() const;
  void fetch();

  const OauthConfig& config_;
  const std::chrono::milliseconds limit_;
  std::mutex mutex_;  // held while a token is fetched: the others wait for it
  std::string token_;
  std::string refresh_token_;  // the newest that the endpoint gave; empty: the configured one
  Clock::time_point expires_;
};

}  // namespace email
