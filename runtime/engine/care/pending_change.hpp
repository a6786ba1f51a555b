// Tells the lanes about jobs that are being made pending behind their cursors.
#pragma once

#include "engine/lanes/lanes.hpp"

namespace sluice::engine {

class PendingChange {
 public:
  explicit PendingChange(Lanes& lanes) : lanes_(lanes) {}

  void begin() {
    if (!open_) lanes_.begin_change();
    open_ = true;
  }
  /// `any`: some jobs were made pending. `more`: more will be, and no lane is exhausted until then.
  void end(bool any, bool more) {
    if (more) lanes_.begin_change();
    lanes_.end_change(any);
    open_ = more;
  }
  bool is_open() const { return open_; }

 private:
  Lanes& lanes_;
  bool open_ = false;
};

}  // namespace sluice::engine
