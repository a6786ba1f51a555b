// What really happened to each job, and whether that may happen: who ran it, who holds its receipt, how often
// it was counted. It sees each change of the store as it is committed, and each handler as it starts and
// ends. The first violation ends the run. For the scheduler's thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "fibers/scheduler.hpp"
#include "store/memory_store.hpp"
#include "world/blame.hpp"
#include "world/canary_watch.hpp"
#include "world/deadlines.hpp"
#include "world/host.hpp"

namespace sluice::sim {

class Ledger : public store::MemoryStore::Watcher, public HostWatcher {
 public:
  using Row = store::MemoryStore::Row;

  explicit Ledger(const config::Config& config)
      : lease_(config.lease), deadlines_(config, [this](const std::string& what) { fail(what); }) {}

  /// A runtime enlisted under this id.
  void enlisted(store::RuntimeId runtime, const Process& process);
  /// The application or another program wrote the row.
  void written(const Row& row);
  /// Another program runs the job.
  void taken_by_another_program(const std::string& job) { jobs_[job].foreign = true; }
  /// From now on the job may run once more than its type says, because somebody asked for that.
  void allow_another(const std::string& job);
  /// The server forgot some commits: the rows are as they are here.
  void forgotten(const std::vector<Row>& rows);

  /// Another program was done with the job, which the server forgot. That program is to find it.
  bool is_abandoned(const std::string& job) { return jobs_[job].abandoned; }

  void fail(const std::string& what);
  const std::optional<std::string>& violation() const { return violation_; }
  /// What is wrong at the end, when nothing is under way.
  void check_rows(const std::vector<Row>& rows);

  /// A runtime that is up is one of those that the store knows.
  void check_enlisted(const Process& process, const std::set<store::RuntimeId>& enlisted);

  std::size_t runs() const { return runs_; }
  std::size_t jobs() const { return jobs_.size(); }
  /// Jobs that ended, in whatever way.
  std::size_t ended() const { return ended_; }

  // MemoryStore::Watcher
  void on_claim(store::RuntimeId runtime, const std::set<std::string>& ids,
                const std::set<std::string>& taken) override;
  void on_settled(const job::Settlement& settlement, const Row& row, bool claim_lives) override;
  void on_rescued(const Row& row) override;
  void on_beat(store::RuntimeId runtime) override;
  void on_declared_dead(store::RuntimeId judge, store::RuntimeId dead) override;
  void on_effect(const std::string& job, const std::string& sql) override;
  void on_follow_up(const std::string& job, const std::string& follow_up) override;

  /// A line of the log of the runtime that is at work.
  void on_line(std::string_view line, const std::vector<log::Field>& fields);
  CanaryWatch& canaries() { return canaries_; }

  // HostWatcher
  void on_given(const Host& host, const std::string& job, int attempt) override;
  void on_start(const Host& host, const std::string& job, std::uint32_t ticket) override;
  void on_fault(const Host& host, const std::string& job, std::optional<std::uint64_t> place) override;
  void on_end(const Host& host, const std::string& job, std::uint32_t ticket, job::Result result) override;
  void on_death(const Host& host) override;

 private:
  struct Run {
    const Process* runtime = nullptr;
    const Host* host = nullptr;
    Time start{};
    std::uint32_t ticket = 0;
    bool active = true;
    bool died = false;
    job::Result result = job::Result::done;
  };
  struct Job {
    std::string type;
    int attempts = 0;  ///< counted ones
    int starts = 0;
    int may_start = 1;   ///< if it runs at most once
    int given_back = 0;  ///< in a row, without a run
    int effects = 0;
    int may_take_effect = 1;
    bool foreign = false;
    bool abandoned = false;            ///< see is_abandoned
    bool forgotten = false;            ///< the server forgot commits since its last claim
    const Process* runtime = nullptr;  ///< that claimed it last
    Time claimed_at{};
    std::vector<Run> runs;
  };

  const Run* last_run(const Job& job) const;
  void check_run(const std::string& id, Job& job, const job::Settlement& settlement);
  void count(const std::string& id, Job& job, int expected, const Row& row);

  const Duration lease_;
  struct Beats {
    Time steady_since{};  ///< no two beats since were half a lease apart
    std::optional<Time> last;
  };
  std::map<const Process*, Beats> beats_;  // one process may have had several ids
  std::map<std::string, Job> jobs_;
  std::map<store::RuntimeId, const Process*> runtimes_;
  std::optional<std::string> violation_;
  Blame blame_{[this](const std::string& what) { fail(what); }};
  Deadlines deadlines_;
  CanaryWatch canaries_{[this](const std::string& what) { fail(what); }};
  std::size_t runs_ = 0;
  std::size_t ended_ = 0;
};

}  // namespace sluice::sim
