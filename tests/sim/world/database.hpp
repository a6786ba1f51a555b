// The simulated database server and the connections to it. A call runs in a fiber of the server, so it goes
// on if the caller is killed, frozen or cut off, and its effect may be committed though nobody hears of it.
// The weather decides how long calls take and which of them fail.
#pragma once

#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/threads.hpp"
#include "fibers/scheduler.hpp"
#include "store/memory_store.hpp"

namespace sluice::sim {

/// A statement on its way.
struct Call {
  const char* name = "";
  std::function<void()> body;
  bool begun = false;
  bool over = false;
  bool terminated = false;  ///< its server process was told to end
  bool broken = false;      ///< its connection is lost
  std::exception_ptr error;
  WaitList changed;
};

class Database {
 public:
  Database();

  /// What befalls calls now.
  struct Weather {
    double fails = 0;         ///< the probability that a call does not reach the server
    double loses = 0;         ///< the probability that its answer is lost
    double slowness = 1;      ///< how many times as long it takes
    bool down = false;        ///< the server is not there
    std::set<int> cut_off{};  ///< runtimes that do not reach it
  };
  Weather weather;

  /// Runs `call` for `client`, and waits until `until`. Throws what the call throws, and Unavailable.
  void run(const std::shared_ptr<Call>& call, Process& client, Time until);
  bool reaches(const Process& client) const;
  /// Its connections are lost. The server goes on with what it was told.
  void cut_off(const Process& client);
  /// All connections are lost, and nothing that was under way is committed.
  void crash();
  /// How often the connections of `client` were lost.
  int breaks(const Process& client) const;
  /// Ends the call, if it has not ended.
  void terminate(const std::shared_ptr<Call>& call);

  store::MemoryStore& store() { return store_; }
  const store::MemoryStore& store() const { return store_; }
  Process& process() { return process_; }
  double now() const;

 private:
  void serve(const std::shared_ptr<Call>& call);
  void work(Duration time);
  void pause(store::MemoryStore::Step step);
  Duration latency();
  static void lose(Call& call);

  Process process_{1, "database"};
  store::MemoryStore store_;
  // In the order of their beginnings: an order of addresses would differ from run to run.
  std::vector<std::pair<const Fiber*, std::shared_ptr<Call>>> serving_;
  std::vector<std::pair<std::shared_ptr<Call>, const Process*>> open_;
  int crashes_ = 0;
  std::map<int, int> cuts_;  // by client
};

/// The store as one runtime reaches it.
class RemoteStore : public store::Store {
 public:
  RemoteStore(Database& database, Process& client, std::function<void(store::RuntimeId)> enlisted)
      : database_(database), client_(client), enlisted_(std::move(enlisted)) {}

  std::unique_ptr<store::ClaimSession> claims(store::RuntimeId runtime, int pump, bool listens) override;
  std::unique_ptr<store::FinishSession> finishes() override;
  std::unique_ptr<store::EffectSession> effects(std::chrono::microseconds limit) override;
  std::unique_ptr<store::HeartSession> heart(std::chrono::milliseconds patience) override;
  std::unique_ptr<store::CareSession> care() override;
  std::unique_ptr<store::PruneSession> prunes(const std::string& status,
                                              job::Microseconds older_than) override;
  std::unique_ptr<store::DeskSession> desk() override;
  void limit(base::Clock::time_point when) override { limit_ = when.time_since_epoch(); }

 private:
  friend class Link;
  Database& database_;
  Process& client_;
  const std::function<void(store::RuntimeId)> enlisted_;
  Time limit_ = Time::max();
};

}  // namespace sluice::sim
