// The handler of notification.send: stores a notification for a user and tells those who listen.
//
// All of it is effects, committed in the transaction that marks the job done: a user gets each notification
// once, who listens hears of it when the row can be read, and a webhook is owed exactly when there is a row.
// The webhooks' jobs are made by SQL since an endpoint that wants no more is known in the database alone.
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
