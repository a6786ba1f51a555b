// Threads that get no signals: those are for the main thread, or for who waits for them.
#pragma once

#include <pthread.h>
#include <signal.h>

namespace sluice::base {

/// Threads that are made while it lives have all signals blocked.
class WithoutSignals {
 public:
  WithoutSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~WithoutSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  WithoutSignals(const WithoutSignals&) = delete;
  WithoutSignals& operator=(const WithoutSignals&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace sluice::base
