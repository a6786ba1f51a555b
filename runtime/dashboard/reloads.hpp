// Reloads that pages ask for. One at a time, on a thread of its own, because a runtime may take a while to
// answer.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/threads.hpp"
#include "dashboard/runtime_control.hpp"
#include "store/insight.hpp"
#include "store/job_desk.hpp"

namespace sluice::dashboard {

/// For sluice.audit: who asked, and which runtimes.
void record_reload(store::JobDesk& desk, const ReloadWish& wish, const std::string& runtimes);

struct ReloadState {
  ReloadWish wish;
  std::string actor;
  store::Time at;
  bool over = false;
  std::string error;  ///< why it failed as a whole
  std::vector<ReloadResult> results;
};

/// Any thread. The destructor stops waiting for results.
class Reloads {
 public:
  Reloads() = default;
  ~Reloads();
  Reloads(const Reloads&) = delete;
  Reloads& operator=(const Reloads&) = delete;

  /// Begins one, and waits for at most `patience`, so that a quick one is over when it returns. `asked` is
  /// called on the thread. False: one is under way.
  bool start(RuntimeControl& control, const ReloadWish& wish, const std::string& actor,
             std::function<void(const std::string& runtimes)> asked,
             base::Clock::duration patience = std::chrono::seconds(3));
  /// The last one; nullopt: there was none.
  std::optional<ReloadState> last() const;

 private:
  void run(RuntimeControl& control, const ReloadWish& wish,
           const std::function<void(const std::string&)>& asked);

  std::atomic<bool> stops_ = false;
  mutable base::Mutex mutex_;
  base::Condition over_;
  std::optional<ReloadState> state_ GUARDED_BY(mutex_);
  base::Thread thread_ GUARDED_BY(mutex_);
};

}  // namespace sluice::dashboard
