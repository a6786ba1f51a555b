// The handler of notification.webhook: posts a stored notification to the configured receiver, signed as
// the Standard Webhooks specification says (https://www.standardwebhooks.com).
#pragma once

#include <optional>
#include <sluice/config.hpp>
#include <sluice/job.hpp>
#include <sluice/result.hpp>

#include "receiver.hpp"
#include "webhook_config.hpp"

namespace notification {

/// libcurl's global state, for as long as the plugin is loaded.
class CurlLibrary {
 public:
  CurlLibrary();
  ~CurlLibrary();
  CurlLibrary(const CurlLibrary&) = delete;
  CurlLibrary& operator=(const CurlLibrary&) = delete;
};

class Webhook {
 public:
  explicit Webhook(const sluice::Config& config);

  struct Slot {
    explicit Slot(const Webhook& webhook);
    std::optional<Receiver> receiver;  // none without a webhook in the configuration
  };

  sluice::Result run(sluice::Job& job, Slot& slot) const;

 private:
  const CurlLibrary curl_;
  const std::optional<WebhookConfig> config_;
};

}  // namespace notification
