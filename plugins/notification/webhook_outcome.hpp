// What an attempt to deliver a webhook came to: pure decisions. The rule is that of Standard Webhooks: 2xx
// has taken it, 410 wants no more, and every other answer is tried again, since a receiver's mistake is
// mended there.
#pragma once

#include <sluice/result.hpp>
#include <string>

#include "receiver.hpp"
#include "webhook_config.hpp"

namespace notification {

/// "https://x.test answered 503: the first bytes of its body"
std::string said(const Answer& answer, const Endpoint& endpoint);

/// Done for 2xx, permanent for 410, cancelled where the transfer was; else a retry.
sluice::Result outcome_of(const Answer& answer, const Endpoint& endpoint);

}  // namespace notification
