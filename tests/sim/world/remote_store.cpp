// The sessions of RemoteStore. Arguments are copied, because a call may outlive its caller.
#include <algorithm>
#include <optional>
#include <utility>

#include "base/planted.hpp"
#include "store/memory_sessions.hpp"
#include "world/database.hpp"
#include "world/trace.hpp"

namespace sluice::sim {

/// One session's connection.
class Link {
 public:
  explicit Link(RemoteStore& store, Duration patience = std::chrono::seconds(60))
      : store_(store), patience_(patience) {}

  template <typename Body>
  auto ask(Body body, const char* name = __builtin_FUNCTION()) {
    using Answer = decltype(body());
    auto answer = std::make_shared<std::optional<Answer>>();
    auto call = std::make_shared<Call>();
    call->name = name;
    call->body = [answer, body = std::move(body)]() mutable { answer->emplace(body()); };
    run(call);
    return std::move(**answer);
  }
  /// The last call whose answer was lost has no effect from now on.
  void end_lost() {
    if (!lost_ || base::planted(base::Bug::lost_backend_lives)) return;
    if (!store_.database_.reaches(store_.client_)) return;
    store_.database_.terminate(lost_);
    lost_.reset();
  }
  bool reaches() const { return store_.database_.reaches(store_.client_); }

 private:
  /// A connection that was lost meanwhile is noticed by the next call.
  void run(const std::shared_ptr<Call>& call) {
    const int breaks = store_.database_.breaks(store_.client_);
    try {
      if (std::exchange(breaks_, std::nullopt).value_or(breaks) != breaks)
        throw store::Unavailable("the connection to the simulated database was lost");
      store_.database_.run(call, store_.client_, std::min(store_.limit_, sched().now() + patience_));
      breaks_ = breaks;
    } catch (const std::exception& error) {
      if (call->begun && !call->over) lost_ = call;
      trace("call failed", {{"call", call->name}, {"error", error.what()}, {"over", call->over ? 1 : 0}});
      throw;
    }
  }

  RemoteStore& store_;
  const Duration patience_;
  std::shared_ptr<Call> lost_;
  std::optional<int> breaks_;  ///< when it connected; nothing: it has no connection
};

namespace {

using namespace store;

class Claims : public ClaimSession {
 public:
  Claims(RemoteStore& remote, MemoryStore& store, RuntimeId runtime, int pump, bool listens)
      : link_(remote), inner_(std::make_shared<MemoryClaims>(store, runtime, pump, listens)) {}

  Claimed claim(const std::vector<LaneRequest>& lanes, bool durable) override {
    return link_.ask([inner = inner_, lanes, durable] { return inner->claim(lanes, durable); });
  }
  void reconcile(const std::vector<std::int64_t>& known, std::int64_t newest) override {
    link_.end_lost();
    link_.ask([inner = inner_, known, newest] { return inner->reconcile(known, newest), true; });
  }
  void use(RuntimeId runtime) override { inner_->use(runtime); }
  bool want(bool wanted) override {
    return link_.ask([inner = inner_, wanted] { return inner->want(wanted); });
  }
  std::int64_t wait(base::Clock::time_point end) override {
    const std::int64_t heard = inner_->wait(end);
    if (!link_.reaches()) throw Unavailable("the connection that listens is lost");
    return heard;
  }
  void interrupt() override { inner_->interrupt(); }

 private:
  Link link_;
  const std::shared_ptr<MemoryClaims> inner_;
};

class Finishes : public FinishSession {
 public:
  Finishes(RemoteStore& remote, MemoryStore& store)
      : link_(remote), inner_(std::make_shared<MemoryFinishes>(store)) {}

  std::vector<Unwritten> finish(const std::vector<job::Settlement>& settlements,
                                const std::vector<std::int64_t>& closing) override {
    return link_.ask([inner = inner_, settlements, closing] { return inner->finish(settlements, closing); });
  }
  std::vector<Unwritten> finish_with_care(const std::vector<job::Settlement>& settlements,
                                          const std::vector<std::int64_t>& closing) override {
    return link_.ask(
        [inner = inner_, settlements, closing] { return inner->finish_with_care(settlements, closing); });
  }
  std::vector<std::string> mark(const std::vector<job::Ref>& jobs,
                                const std::vector<std::int64_t>& filled) override {
    return link_.ask([inner = inner_, jobs, filled] { return inner->mark(jobs, filled); });
  }
  std::vector<std::int64_t> living(const std::vector<std::int64_t>& claims) override {
    link_.end_lost();
    return link_.ask([inner = inner_, claims] { return inner->living(claims); });
  }
  void surrender(const std::vector<std::int64_t>& claims) override {
    link_.end_lost();
    link_.ask([inner = inner_, claims] { return inner->surrender(claims), true; });
  }

 private:
  Link link_;
  const std::shared_ptr<MemoryFinishes> inner_;
};

class Effects : public EffectSession {
 public:
  Effects(RemoteStore& remote, MemoryStore& store)
      : link_(remote), inner_(std::make_shared<MemoryEffects>(store)) {}

  std::vector<Unwritten> commit(const std::vector<job::Settlement>& settlements) override {
    link_.end_lost();
    return link_.ask([inner = inner_, settlements] { return inner->commit(settlements); });
  }

 private:
  Link link_;
  const std::shared_ptr<MemoryEffects> inner_;
};

class HeartBeats : public HeartSession {
 public:
  HeartBeats(RemoteStore& remote, MemoryStore& store, Duration patience)
      : link_(remote, patience), inner_(std::make_shared<MemoryHeart>(store)) {}

  std::optional<double> beat(RuntimeId runtime) override {
    return link_.ask([inner = inner_, runtime] { return inner->beat(runtime); });
  }

 private:
  Link link_;
  const std::shared_ptr<MemoryHeart> inner_;
};

class Care : public CareSession {
 public:
  Care(RemoteStore& remote, MemoryStore& store, const std::function<void(RuntimeId)>& enlisted)
      : link_(remote), inner_(std::make_shared<MemoryCare>(store)), enlisted_(enlisted) {}

  RuntimeId enlist(const RuntimeInfo& info) override {
    return link_.ask([inner = inner_, info, enlisted = enlisted_] {
      const RuntimeId id = inner->enlist(info);
      enlisted(id);
      return id;
    });
  }
  void serve(RuntimeId runtime, const std::vector<ServedType>& types) override {
    link_.ask([inner = inner_, runtime, types] { return inner->serve(runtime, types), true; });
  }
  void leave(RuntimeId runtime, const Unfinished& unfinished) override {
    link_.ask([inner = inner_, runtime, unfinished] { return inner->leave(runtime, unfinished), true; });
  }
  Promoted promote_due(std::size_t limit) override {
    return link_.ask([inner = inner_, limit] { return inner->promote_due(limit); });
  }
  Rescued rescue(const Judge& judge, const job::RetryPolicy& fallback) override {
    return link_.ask([inner = inner_, judge, fallback] { return inner->rescue(judge, fallback); });
  }
  std::string blocker(const std::optional<std::string>& job) override {
    return link_.ask([inner = inner_, job] { return inner->blocker(job); });
  }
  std::vector<std::string> paused_types() override {
    return link_.ask([inner = inner_] { return inner->paused_types(); });
  }
  std::vector<std::string> cancel_requests(RuntimeId runtime) override {
    return link_.ask([inner = inner_, runtime] { return inner->cancel_requests(runtime); });
  }
  void publish(RuntimeId runtime, const std::vector<PluginReport>& plugins) override {
    link_.ask([inner = inner_, runtime, plugins] { return inner->publish(runtime, plugins), true; });
  }
  void show_running(RuntimeId runtime, const RunningChanges& changes) override {
    link_.ask([inner = inner_, runtime, changes] { return inner->show_running(runtime, changes), true; });
  }
  void count(const std::vector<store::OutcomeCount>& outcomes) override {
    link_.ask([inner = inner_, outcomes] { return inner->count(outcomes), true; });
  }
  void trace(RuntimeId runtime, const std::vector<store::Trace>& traces, job::Microseconds keep) override {
    link_.ask([inner = inner_, runtime, traces, keep] { return inner->trace(runtime, traces, keep), true; });
  }
  void announce(const std::string& text) override {
    link_.ask([inner = inner_, text] { return inner->announce(text), true; });
  }
  Tidied tidy(std::size_t limit, job::Microseconds keep_audit) override {
    return link_.ask([inner = inner_, limit, keep_audit] { return inner->tidy(limit, keep_audit); });
  }

 private:
  Link link_;
  const std::shared_ptr<MemoryCare> inner_;
  const std::function<void(RuntimeId)> enlisted_;
};

class Prunes : public PruneSession {
 public:
  Prunes(RemoteStore& remote, MemoryStore& store, const std::string& status, job::Microseconds older_than)
      : link_(remote), inner_(std::make_shared<MemoryPrunes>(store, status, older_than)) {}

  Pruned prune(std::size_t limit) override {
    return link_.ask([inner = inner_, limit] { return inner->prune(limit); });
  }

 private:
  Link link_;
  const std::shared_ptr<MemoryPrunes> inner_;
};

/// The engine asks only whether the schema is there.
class Desk : public MemoryDesk {
 public:
  Desk(RemoteStore& remote, MemoryStore& store) : MemoryDesk(store), link_(remote) {}
  void check_schema() override {
    link_.ask([] { return true; });
  }

 private:
  Link link_;
};

}  // namespace

std::unique_ptr<ClaimSession> RemoteStore::claims(RuntimeId runtime, int pump, bool listens) {
  return std::make_unique<Claims>(*this, database_.store(), runtime, pump, listens);
}
std::unique_ptr<FinishSession> RemoteStore::finishes() {
  return std::make_unique<Finishes>(*this, database_.store());
}
std::unique_ptr<EffectSession> RemoteStore::effects(std::chrono::microseconds) {
  return std::make_unique<Effects>(*this, database_.store());
}
std::unique_ptr<HeartSession> RemoteStore::heart(std::chrono::milliseconds patience) {
  return std::make_unique<HeartBeats>(*this, database_.store(), patience);
}
std::unique_ptr<CareSession> RemoteStore::care() {
  return std::make_unique<Care>(*this, database_.store(), enlisted_);
}
std::unique_ptr<PruneSession> RemoteStore::prunes(const std::string& status, job::Microseconds older_than) {
  return std::make_unique<Prunes>(*this, database_.store(), status, older_than);
}
std::unique_ptr<DeskSession> RemoteStore::desk() {
  return std::make_unique<Desk>(*this, database_.store());
}

}  // namespace sluice::sim
