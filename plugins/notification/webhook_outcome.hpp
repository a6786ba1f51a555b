// What an attempt to deliver a webhook came to: a pure decision. The rule: a receiver that refuses the
// request will refuse it again; one that is busy, broken or out of reach may take it later.
#pragma once

#include <sluice/result.hpp>

#include "receiver.hpp"
#include "webhook_config.hpp"

namespace notification {

sluice::Result outcome_of(const Answer& answer, const WebhookConfig& config);

}  // namespace notification
