#include "fleet/sequential_test.hpp"

#include <algorithm>
#include <cmath>

namespace sluice::fleet {

SequentialTest::SequentialTest(double share, double alpha) : limit_(std::log(1 / alpha)) {
  for (std::size_t i = 0; i < rates.size(); ++i) {
    const double worse = rates[i] * share / (rates[i] * share + 1 - share);
    if_new_[i] = std::log(worse / share);
    if_old_[i] = std::log((1 - worse) / (1 - share));
  }
}

void SequentialTest::add(bool in_new_arm) {
  const ByRate& added = in_new_arm ? if_new_ : if_old_;
  for (std::size_t i = 0; i < rates.size(); ++i) ratios_[i] += added[i];
  const double greatest = *std::max_element(ratios_.begin(), ratios_.end());
  double sum = 0;
  for (const double ratio : ratios_) sum += std::exp(ratio - greatest);
  const double mixture = greatest + std::log(sum / static_cast<double>(rates.size()));
  alarms_ = alarms_ || mixture >= limit_;
}

}  // namespace sluice::fleet
