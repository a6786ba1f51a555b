// The jobs that ended a plugin host, or may have, so that each runs alone the next time. If there are too
// many, the oldest are forgotten. For the loop's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace sluice::fleet {

class Suspects {
 public:
  explicit Suspects(std::size_t most = 10'000) : most_(most) {}

  void insert(const std::string& job) {
    erase(job);
    if (numbers_.size() >= most_) erase(std::string(by_age_.begin()->second));
    by_age_[numbers_[job] = ++last_] = job;
  }
  void erase(const std::string& job) {
    const auto found = numbers_.find(job);
    if (found == numbers_.end()) return;
    by_age_.erase(found->second);
    numbers_.erase(found);
  }
  bool contains(const std::string& job) const { return numbers_.contains(job); }
  bool empty() const { return numbers_.empty(); }

 private:
  const std::size_t most_;
  std::map<std::string, std::uint64_t> numbers_;
  std::map<std::uint64_t, std::string> by_age_;
  std::uint64_t last_ = 0;
};

}  // namespace sluice::fleet
