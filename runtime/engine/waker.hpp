// The waker of a running engine: a thread with a connection that hears of new jobs as they are committed,
// while jobs are few. While they are many, or the connection is lost, claims find them by looking.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "base/threads.hpp"
#include "engine/outage.hpp"
#include "engine/router.hpp"
#include "engine/wake_policy.hpp"
#include "store/store.hpp"

namespace sluice::engine {

class Waker {
 public:
  struct Context {
    Router& router;
    Outage& outage;
    std::function<store::RuntimeId()> runtime;  ///< the id under which the runtime is enlisted now
    std::function<void()> woken;                ///< jobs may be claimed now; on the waker's thread
  };

  Waker(std::unique_ptr<store::WakeSession> session, Context context);
  ~Waker();
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;

 private:
  void run();
  void listen();
  void look();
  void pause(int failures);

  const std::unique_ptr<store::WakeSession> session_;
  const Context context_;

  // used by the thread alone
  WakePolicy policy_;
  std::int64_t heard_ = 0;  ///< notifications, since the beginning
  std::int64_t heard_before_ = 0;
  store::RuntimeId told_ = 0;  ///< the runtime of which the database knows that it wants to be woken, 0: none
  Clock::time_point told_at_{};

  std::atomic<bool> stopping_ = false;
  base::Thread thread_;
};

}  // namespace sluice::engine
