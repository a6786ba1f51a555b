#include "pool.hpp"

#include <algorithm>
#include <utility>

namespace email {

using namespace std::chrono_literals;

std::optional<TransportPool::Lease> TransportPool::borrow(const sluice::Job& job) {
  constexpr auto between_looks = 100ms;  // how often cancellation is checked
  const auto end = std::chrono::steady_clock::now() + longest_wait;
  std::unique_lock<std::mutex> lock(mutex_);
  while (most_ != 0 && in_use_ >= most_) {
    if (job.is_cancelled() || std::chrono::steady_clock::now() > end) return std::nullopt;
    returned_.wait_for(lock, between_looks);
  }
  ++in_use_;
  if (!idle_.empty()) {
    auto transport = std::move(idle_.back());
    idle_.pop_back();
    return Lease(*this, std::move(transport));
  }
  try {
    return Lease(*this, make_());
  } catch (...) {
    --in_use_;
    throw;
  }
}

void TransportPool::give_back(std::unique_ptr<Transport> transport) {
  const std::lock_guard<std::mutex> lock(mutex_);
  idle_.push_back(std::move(transport));
  --in_use_;
  returned_.notify_one();
}

Pace::Clock::duration Pace::take() {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto now = Clock::now();
  const auto free = std::max(next_, now);
  if (free - now <= longest_wait) next_ = free + between_mails_;
  return free - now;
}

}  // namespace email
