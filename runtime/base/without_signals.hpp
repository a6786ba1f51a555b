// Keeps signals away from threads. Signals are for the main thread, or for the thread that waits for them.
#pragma once

#include <pthread.h>
#include <signal.h>

namespace sluice::base {

/// Blocks all signals in threads that are created during its lifetime.
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
