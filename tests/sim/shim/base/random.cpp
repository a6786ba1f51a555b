#include "base/threads.hpp"

namespace sluice::base {

void sleep_for(Clock::duration time) {
  sim::sched().sleep(time);
}

std::uint64_t random_number() {
  return sim::sched().random().next();
}

double random_fraction() {
  return sim::sched().random().fraction();
}

}  // namespace sluice::base
