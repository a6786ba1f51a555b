// Which version of a plugin may run which jobs while a new one has a share of them. It reads what an operator
// reads, the runtimes' logs, and sees which jobs are sent to which hosts. For the scheduler's thread.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "world/host.hpp"

namespace sluice::sim {

class CanaryWatch {
 public:
  explicit CanaryWatch(std::function<void(const std::string&)> fail) : fail_(std::move(fail)) {}

  /// A line of the runtime's log, which is about this version of a plugin.
  void on_line(const Process& runtime, std::string_view line, const std::string& plugin,
               const std::string& version);
  /// Somebody asks the runtime to promote what it has.
  void on_promoted_by_hand(const Process& runtime) { by_hand_.insert(&runtime); }
  void on_given(const Host& host, const std::string& job, int attempt);
  /// Whether the runtime has one.
  bool has(const Process& runtime) const;

 private:
  struct Canary {
    std::string version;
    double share = 0;
  };

  const std::function<void(const std::string&)> fail_;
  std::map<std::pair<const Process*, std::string>, Canary> canaries_;
  std::set<std::tuple<const Process*, std::string, std::string>> gone_back_;
  std::set<const Process*> by_hand_;
};

}  // namespace sluice::sim
