#include "base/threads.hpp"

#include <sys/random.h>

#include <cerrno>
#include <random>
#include <system_error>

namespace sluice::base {

void sleep_for(Clock::duration time) {
  std::this_thread::sleep_for(time);
}

std::uint64_t random_number() {
  std::uint64_t number = 0;
  if (getrandom(&number, sizeof number, 0) != sizeof number)
    throw std::system_error(errno, std::generic_category(), "getrandom");
  return number;
}

double random_fraction() {
  thread_local std::minstd_rand engine(static_cast<std::minstd_rand::result_type>(random_number()));
  return std::uniform_real_distribution<double>(0, 1)(engine);
}

}  // namespace sluice::base
