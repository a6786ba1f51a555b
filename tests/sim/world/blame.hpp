// Whose fault the end of each plugin host was, and what that may cost a job. It knows what the handlers did;
// the runtime knows only what their hosts noted. For the scheduler's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "job/job.hpp"
#include "world/host.hpp"

namespace sluice::sim {

/// How the last run of a job under its present claim ended.
enum class RunEnd { never_ran, by_itself, with_its_host };

class Blame {
 public:
  explicit Blame(std::function<void(const std::string&)> fail) : fail_(std::move(fail)) {}

  void on_start(const Host& host, const std::string& job);
  void on_end(const Host& host, const std::string& job);
  void on_fault(const Host& host, const std::string& job, std::optional<std::uint64_t> place);
  void on_death(const Host& host);
  /// `runtime` wrote the outcome.
  void on_settled(const job::Settlement& settlement, const std::string& type, const Process& runtime,
                  RunEnd end);
  /// A line of the runtime's log.
  void on_line(const Process& runtime, std::string_view line, const std::string& plugin);

 private:
  /// A file's version in one runtime.
  using Version = std::tuple<const Process*, std::string, int>;

  /// The end of a run with its host.
  struct Ending {
    const Host* host = nullptr;
    bool at_fault = false;
    std::optional<std::uint64_t> place;  ///< where, if the host noted it
    bool alone = false;                  ///< no other job ran in that host
    bool charged = false;
  };
  struct Record {
    std::map<const Process*, Ending> endings;  ///< of the last run in each runtime
    std::set<const Process*> suspect_of;       ///< runtimes that must run it alone
    std::map<const Process*, int> free;        ///< faults in a row that no host noted and that cost nothing
    std::map<std::pair<Version, std::uint64_t>, int> crashes;  ///< of its own, by place
  };
  struct Running {
    std::string job;
    bool was_suspect = false;  ///< as it started
  };
  struct Fault {
    std::string job;
    std::optional<std::uint64_t> place;
  };

  void check_charge(const job::Settlement& settlement, const std::string& type, const Process& runtime,
                    Record& record, Ending& ending);
  void check_poison(const job::Settlement& settlement, const Ending& ending);
  void check_free(const std::string& job, const Process& runtime, Record& record, const Ending& ending);
  static Version version_of(const Host& host);

  const std::function<void(const std::string&)> fail_;
  std::map<std::string, Record> records_;
  std::map<const Host*, std::vector<Running>> running_;
  std::map<const Host*, Fault> faults_;
  std::map<std::pair<Version, std::uint64_t>, int> crashes_;  // of all jobs, by place
  std::set<const Process*> died_unready_;                     // runtimes with a host that never took jobs
  std::set<const Process*> without_solitude_;                 // runtimes that can't run jobs alone
};

}  // namespace sluice::sim
