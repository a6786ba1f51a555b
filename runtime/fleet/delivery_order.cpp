#include "fleet/delivery_order.hpp"

#include <utility>

namespace sluice::fleet {

namespace {

constexpr std::size_t most_waiting = 20'000;
constexpr std::size_t most_late = 10'000;  // some never end, because no host had room for them

}  // namespace

void DeliveryOrder::forget(const std::string& id) {
  late_.erase(id);
  const auto number = numbers_.extract(id);
  if (number) at(number.mapped()).forgotten = true;
}

void DeliveryOrder::deliver(const std::string& id, base::Clock::time_point now) {
  forget(id);
  numbers_[id] = first_ + deliveries_.size();
  deliveries_.push_back({id, now, false, std::nullopt});
}

void DeliveryOrder::end(Canary::Arm arm, const job::Finished& finished) {
  const std::string& id = finished.job.id;
  if (finished.outcome.result == job::Result::released) return forget(id);
  End end;
  end.arm = arm;
  end.finished.job.id = id;
  end.finished.job.type = finished.job.type;
  end.finished.job.attempt = finished.job.attempt;
  end.finished.outcome.result = finished.outcome.result;
  end.finished.outcome.duration = finished.outcome.duration;
  if (late_.erase(id) > 0) return late_ends_.push_back(std::move(end));
  if (const auto number = numbers_.extract(id)) at(number.mapped()).end = std::move(end);
}

std::optional<DeliveryOrder::End> DeliveryOrder::next(base::Clock::time_point latest) {
  std::optional<End> next;
  if (!late_ends_.empty()) {
    next = std::move(late_ends_.front());
    late_ends_.pop_front();
  }
  while (!next && !deliveries_.empty()) {
    Delivery& one = deliveries_.front();
    const bool runs = !one.end && !one.forgotten;
    if (runs && one.at > latest && deliveries_.size() <= most_waiting) break;
    if (runs) {
      if (late_.size() >= most_late) late_.erase(late_.begin());
      late_.insert(one.id);
      numbers_.erase(one.id);
    }
    next = std::move(one.end);
    deliveries_.pop_front();
    ++first_;
  }
  return next;
}

}  // namespace sluice::fleet
