// The plugin: notification.send, and notification.webhook, which posts its result to each configured
// endpoint.
#include <sluice/plugin.hpp>

#include "notify.hpp"
#include "schemas.hpp"
#include "webhook.hpp"

using namespace std::chrono_literals;

// Two webhooks at once leave half of the default slots to notification.send if the receiver hangs.
SLUICE_PLUGIN(sluice::plugin("notification", "1.0.0")
                  .summary("Stores notifications for users, announces them with NOTIFY and by webhook")
                  .license("Apache-2.0")
                  .config_schema(notification::config_schema)
                  .sandbox(notification::sandbox),
              sluice::job_type<notification::Notify>("notification.send")
                  .summary("Stores a notification for a user and announces it")
                  .schema(notification::send_schema)
                  .example(notification::send_example),
              sluice::job_type<notification::Webhook>("notification.webhook")
                  .summary("Posts a stored notification to a configured endpoint, signed")
                  .schema(notification::webhook_schema)
                  .example(notification::webhook_example)
                  .concurrency(2)
                  .timeout(2min)
                  .max_attempts(16)
                  .backoff(10s, 6h));
