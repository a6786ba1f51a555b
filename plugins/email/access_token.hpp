// OAuth2 access tokens, shared by all connections. They come from a file, or from a token endpoint and are
// then kept until they expire.
#pragma once

#include <chrono>
#include <mutex>
#include <string>

#include "config.hpp"

namespace email {

class AccessTokens {
 public:
  /// `config` must outlive the object. `limit` is the time limit of a request to the endpoint.
  AccessTokens(const OauthConfig& config, std::chrono::milliseconds limit) : config_(config), limit_(limit) {}

  /// A token that should be valid. Throws Trouble: "password-file" if a file can't be read, "oauth-token" if
  /// the endpoint issues no token.
  std::string get();
  /// Call it if the server refused the token: the next get() requests another one. Returns false if get()
  /// would return the same token.
  bool forget(const std::string& token);

 private:
  using Clock = std::chrono::steady_clock;

  std::string request() const;
  void fetch();

  const OauthConfig& config_;
  const std::chrono::milliseconds limit_;
  std::mutex mutex_;  // held while a token is fetched, so that other threads wait for it
  std::string token_;
  std::string refresh_token_;  // the newest from the endpoint; empty: the configured one
  Clock::time_point expires_;
};

}  // namespace email
