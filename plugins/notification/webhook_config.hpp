// The configuration of webhooks. It is checked when the plugin starts, and constant from then on.
#pragma once

#include <chrono>
#include <map>
#include <sluice/config.hpp>
#include <string>
#include <vector>

#include "signature.hpp"

namespace notification {

/// One receiver of webhooks.
struct Endpoint {
  std::string url;
  std::string origin;  // of the url: "https://app.example.com:8443", the only part that errors show
  std::string target;  // the rest: "/hooks/3f9a?from=sluice", which can contain a token
  std::string secret;
  std::string secret_file;         // instead of secret; read for each job, so that it can be changed
  std::string ca_file;             // PEM; empty: the certificates that the system trusts
  std::vector<std::string> types;  // patterns of the notifications that it gets; empty: all
  std::vector<std::string> users;  // likewise
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds timeout{20'000};  // for one whole attempt

  bool wants(const std::string& type, const std::string& user) const;
};

/// By name. The table `webhook` is the endpoint "webhook".
using Endpoints = std::map<std::string, Endpoint>;

/// From the tables `webhook` and `webhooks`. Throws std::runtime_error, which says what to fix.
Endpoints read_endpoints(const sluice::Config& json);

/// From the configuration or the secret file. Throws std::runtime_error if they are invalid; its message
/// never contains a secret.
std::vector<Key> keys_of(const Endpoint& endpoint);

}  // namespace notification
