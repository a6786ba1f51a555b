// The handler of notification.send: stores a notification for a user and notifies listeners.
//
// Everything is done with effects, committed in the transaction that marks the job done. A user gets each
// notification once, listeners are notified when the row can be read, and a webhook job is created if and
// only if the row is. SQL creates the webhook jobs because only the database knows which endpoints are
// disabled.
#pragma once

#include <sluice/config.hpp>
#include <sluice/job.hpp>
#include <sluice/result.hpp>
#include <string>

#include "notice.hpp"
#include "webhook_config.hpp"

namespace notification {

class Notify {
 public:
  explicit Notify(const sluice::Config& config);
  sluice::Result run(sluice::Job& job) const;

 private:
  void store(const Notice& notice, const sluice::Job& job) const;

  const std::string table_;  // quoted
  const std::string channel_;
  const Endpoints endpoints_;
};

}  // namespace notification
