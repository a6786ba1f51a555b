// What sluice webhooks needs from PostgreSQL: which endpoints answered that they want no more. Used by one
// thread; owns one connection. Every call may throw Unavailable or Refused.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "postgres/interface.hpp"
#include "postgres/postgres_store.hpp"
#include "store/job_desk.hpp"

namespace sluice::postgres {

/// A row of sluice.webhook_endpoint.
struct DisabledWebhook {
  std::string name;
  Moment since;
  std::string reason;
  std::string job;  ///< the job whose attempt got that answer
};

class WebhookDesk {
 public:
  virtual ~WebhookDesk() = default;

  /// Sorted by name.
  virtual std::vector<DisabledWebhook> disabled() = 0;
  /// False if the endpoint is not disabled.
  virtual bool revive(const std::string& name) = 0;
};

std::unique_ptr<WebhookDesk> open_webhook_desk(const PostgresOptions& options);

}  // namespace sluice::postgres
