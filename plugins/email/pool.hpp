// The connections to the server, shared by all slots of a process, and the rate at which mails are sent.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <sluice/job.hpp>
#include <utility>
#include <vector>

#include "transport.hpp"

namespace email {

/// How long a job waits in its slot. If it would wait longer, it is snoozed.
constexpr std::chrono::seconds longest_wait{20};

class TransportPool {
 public:
  using Make = std::function<std::unique_ptr<Transport>()>;

  /// At most `most` transports at a time; 0: no limit.
  TransportPool(Make make, std::size_t most) : make_(std::move(make)), most_(most) {}

  class Lease {
   public:
    Lease(TransportPool& pool, std::unique_ptr<Transport> transport)
        : pool_(&pool), transport_(std::move(transport)) {}
    ~Lease() {
      if (transport_) pool_->give_back(std::move(transport_));
    }
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    Transport& operator*() const { return *transport_; }

   private:
    TransportPool* pool_;
    std::unique_ptr<Transport> transport_;
  };

  /// The most recently used transport, so that few connections are kept. std::nullopt if all were in use for
  /// longest_wait, or the job is cancelled.
  std::optional<Lease> borrow(const sluice::Job& job);

 private:
  void give_back(std::unique_ptr<Transport> transport);

  const Make make_;
  const std::size_t most_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Transport>> idle_;
  std::size_t in_use_ = 0;
};

/// Spreads mails evenly over time.
class Pace {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Pace(std::chrono::microseconds between_mails) : between_mails_(between_mails) {}

  /// Reserves the next free time and returns how long it is until then. If that is more than longest_wait, no
  /// time was reserved.
  Clock::duration take();

 private:
  const std::chrono::microseconds between_mails_;
  std::mutex mutex_;
  Clock::time_point next_;
};

}  // namespace email
