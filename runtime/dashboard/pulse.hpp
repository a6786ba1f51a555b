// Tells the watchers of a server, while there are any, what page Now says.
#pragma once

#include "base/threads.hpp"
#include "dashboard/site.hpp"
#include "http/server.hpp"

namespace sluice::dashboard {

class Pulse {
 public:
  /// Both must outlive it.
  Pulse(Site& site, http::Server& server);
  ~Pulse();
  Pulse(const Pulse&) = delete;
  Pulse& operator=(const Pulse&) = delete;

 private:
  void run();

  Site& site_;
  http::Server& server_;
  base::Mutex mutex_;
  base::Condition changed_;
  bool stops_ GUARDED_BY(mutex_) = false;
  base::Thread thread_;
};

}  // namespace sluice::dashboard
