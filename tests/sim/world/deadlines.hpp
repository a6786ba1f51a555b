// How long each run of a job took, and whether its type's time limit was kept: neither early nor late. What
// was frozen meanwhile is not judged. For the scheduler's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <tuple>

#include "config/config.hpp"
#include "world/host.hpp"

namespace sluice::sim {

class Deadlines {
 public:
  Deadlines(const config::Config& config, std::function<void(const std::string&)> fail)
      : config_(config), fail_(std::move(fail)) {}

  /// A run: a job may run twice in one host at once, after a failover that lost its claim.
  using Key = std::tuple<const Host*, std::string, std::uint32_t>;

  void on_start(const Key& key, const std::string& type);
  /// The handler ended, or its host did.
  void on_end(const Key& key);
  /// `key`: the last run under the present claim; `with_its_host`: it ended with its host.
  void on_settled(const job::Settlement& settlement, const Key& key, bool with_its_host);

 private:
  struct Run {
    std::string type;
    Time start{};
    Time end{};
    bool frozen = false;  ///< its host or runtime was, for a time
  };
  Duration limit(const std::string& type) const;
  /// The most that a run may take: another job of its host may keep that alive for as long as it may take.
  Duration longest(const std::string& type) const;

  const config::Config& config_;
  const std::function<void(const std::string&)> fail_;
  std::map<Key, Run> running_;
  std::map<Key, Run> ended_;
};

}  // namespace sluice::sim
