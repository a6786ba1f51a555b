// What the operator configures about the webhook, checked when the plugin starts. Constant from then on.
#pragma once

#include <chrono>
#include <optional>
#include <sluice/config.hpp>
#include <string>
#include <vector>

#include "signature.hpp"

namespace notification {

struct WebhookConfig {
  std::string url;
  std::string origin;  // of the url: "https://app.example.com:8443", which is all of it that errors show
  std::string target;  // the rest: "/hooks/3f9a?from=sluice", which may hold a token
  std::string secret;
  std::string secret_file;  // in place of secret; read for each job, so that it can be changed
  std::string ca_file;      // PEM; empty: the certificates that the system trusts
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds timeout{20'000};  // one attempt as a whole
};

/// None without a table `webhook`. Throws with one sentence that says what to mend.
std::optional<WebhookConfig> read_webhook_config(const sluice::Config& json);

/// From the configuration or its file. Throws std::runtime_error that says what is wrong, without a secret.
std::vector<Key> keys_of(const WebhookConfig& config);

}  // namespace notification
