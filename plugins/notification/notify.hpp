// The handler of notification.send: stores a notification for a user and tells those who listen.
//
// All of it is effects and a follow-up job, committed in the transaction that marks the job done: a user
// gets each notification once, who listens hears of it when the row can be read, and a webhook is owed
// exactly when there is a row.
#pragma once

#include <sluice/config.hpp>
#include <sluice/job.hpp>
#include <sluice/result.hpp>
#include <string>

namespace notification {

class Notify {
 public:
  explicit Notify(const sluice::Config& config);
  sluice::Result run(sluice::Job& job) const;

 private:
  const std::string insert_;
  const std::string channel_;
  const bool has_webhook_;
};

}  // namespace notification
