// The handler of notification.webhook: posts a stored notification to one of the endpoints, signed as
// specified by Standard Webhooks (https://www.standardwebhooks.com).
#pragma once

#include <map>
#include <sluice/config.hpp>
#include <sluice/job.hpp>
#include <sluice/result.hpp>
#include <string>

#include "../common/curl.hpp"
#include "gone.hpp"
#include "receiver.hpp"
#include "webhook_config.hpp"

namespace notification {

class Webhook {
 public:
  explicit Webhook(const sluice::Config& config);

  struct Slot {
    std::map<std::string, Receiver> receivers;  // by endpoint, created when first needed
  };

  sluice::Result run(sluice::Job& job, Slot& slot) const;

 private:
  const common::CurlLibrary curl_;
  const Endpoints endpoints_;
  mutable Gone gone_;
};

}  // namespace notification
