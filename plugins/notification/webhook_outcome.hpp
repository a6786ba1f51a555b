// The result of an attempt to deliver a webhook: pure decisions. The rules are those of Standard Webhooks:
// 2xx accepts the webhook, 410 disables the endpoint, and every other answer is retried, because a
// receiver's errors are fixed at the receiver.
#pragma once

#include <sluice/result.hpp>
#include <string>

#include "receiver.hpp"
#include "webhook_config.hpp"

namespace notification {

/// "https://x.test answered 503: the first bytes of its body"
std::string said(const Answer& answer, const Endpoint& endpoint);

/// Done for 2xx, permanent for 410, cancelled if the transfer was cancelled, otherwise a retry.
sluice::Result outcome_of(const Answer& answer, const Endpoint& endpoint);

}  // namespace notification
