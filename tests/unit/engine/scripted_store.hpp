// A store in memory whose calls a test controls, to arrange a race. A test can hold a call at a gate, make it
// throw before its effect or after it ("the answer is lost"), and say which outcomes can't be written. All
// other calls behave as in MemoryStore. Every call is recorded when it begins.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/threads.hpp"
#include "store/memory_store.hpp"
#include "support/wait.hpp"

namespace sluice::test {

/// A point at which a call waits until the test opens the gate or destroys it.
class Gate {
 public:
  Gate() = default;
  ~Gate() { open(); }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  void open() const { state_->open(); }
  /// Waits until a call has arrived. False if none arrived in time.
  bool reached() const {
    return eventually([this] { return state_->arrived(); });
  }
  /// The function with which a call waits at the gate.
  std::function<void()> pass() const {
    return [state = state_] { state->pass(); };
  }

 private:
  class State {
   public:
    void open() {
      const std::lock_guard lock(mutex_);
      open_ = true;
      changed_.notify_all();
    }
    bool arrived() const {
      const std::lock_guard lock(mutex_);
      return arrived_;
    }
    void pass() {
      std::unique_lock lock(mutex_);
      arrived_ = true;
      changed_.wait(lock, [this] { return open_; });
    }

   private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = false, arrived_ = false;
  };

  std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// What a call does before and after its effect.
struct Step {
  std::function<void()> before = [] {};
  std::function<void()> after = [] {};
};
inline Step held(const Gate& gate) {
  return {gate.pass(), [] {}};
}
inline Step held_after(const Gate& gate) {
  return {[] {}, gate.pass()};
}
template <class Error>
Step fails(const std::string& what = "a test says so") {
  return {[what] { throw Error(what); }, [] {}};
}
inline Step answer_lost() {
  return {[] {}, [] { throw store::Unavailable("the answer is lost"); }};
}

struct Call {
  std::string name;  ///< the function's name
  store::RuntimeId runtime = 0;
  std::vector<std::string> jobs{};     ///< outcomes such as "a done"; ids; or texts
  std::vector<std::int64_t> claims{};  ///< the claims in the arguments: known, closing, filled, or asked for
  std::int64_t number = 0;             ///< a limit; or 1 or 0 for a wish
  std::vector<std::string> places{};   ///< the places of the outcomes' rows
  base::Clock::time_point at = base::Clock::now();
};

class ScriptedStore : public store::Store {
 public:
  using Judge = std::function<std::optional<store::Unwritten>(const job::Settlement&)>;

  store::MemoryStore memory;

  /// Sets the step of the next call of that name that has none yet.
  void next(const std::string& name, Step step) {
    const std::lock_guard lock(mutex_);
    next_[name].push_back(std::move(step));
  }
  /// Sets the step of all calls of that name, except those set with next().
  void always(const std::string& name, Step step) {
    const std::lock_guard lock(mutex_);
    always_[name] = std::move(step);
  }
  /// Removes all steps and settings.
  void let_go() {
    const std::lock_guard lock(mutex_);
    next_.clear();
    always_.clear();
    judge_ = {};
    timeless_ = false;
  }
  /// Outcomes for which `judge` returns a value can't be written.
  void unwritable(Judge judge) {
    const std::lock_guard lock(mutex_);
    judge_ = std::move(judge);
  }
  /// `edit` changes the results of claims.
  void on_claimed(std::function<void(store::Claimed&)> edit) {
    const std::lock_guard lock(mutex_);
    edit_ = std::move(edit);
  }
  /// The claimer's waits end only when they are interrupted, not after a time.
  void stop_time() {
    const std::lock_guard lock(mutex_);
    timeless_ = true;
  }

  /// All calls, or those of one name, in order.
  std::vector<Call> calls(const std::string& name = {}) const {
    const std::lock_guard lock(mutex_);
    std::vector<Call> found;
    std::copy_if(calls_.begin(), calls_.end(), std::back_inserter(found),
                 [&](const Call& call) { return name.empty() || call.name == name; });
    return found;
  }
  std::size_t count(const std::string& name) const { return calls(name).size(); }
  /// Waits until there were that many calls. False if there were fewer in time.
  bool came(const std::string& name, std::size_t times) const {
    return eventually([&] { return count(name) >= times; });
  }

  std::unique_ptr<store::ClaimSession> claims(store::RuntimeId runtime, int pump, bool listens) override;
  std::unique_ptr<store::FinishSession> finishes() override;
  std::unique_ptr<store::EffectSession> effects(std::chrono::microseconds limit) override;
  std::unique_ptr<store::HeartSession> heart(std::chrono::milliseconds patience) override;
  std::unique_ptr<store::CareSession> care() override;
  std::unique_ptr<store::PruneSession> prunes(const std::string& status, job::Microseconds age) override;
  std::unique_ptr<store::DeskSession> desk() override { return memory.desk(); }
  void limit(base::Clock::time_point) override {}

  /// Runs the call's effect between its steps, and records the call.
  template <class Effect>
  auto act(Call call, Effect effect) {
    const Step step = begin(std::move(call));
    step.before();
    if constexpr (std::is_void_v<decltype(effect())>) {
      effect();
      step.after();
    } else {
      auto answer = effect();
      step.after();
      return answer;
    }
  }
  std::optional<store::Unwritten> judged(const job::Settlement& settlement) const {
    const std::lock_guard lock(mutex_);
    return judge_ ? judge_(settlement) : std::nullopt;
  }
  void edit(store::Claimed& claimed) const {
    const std::lock_guard lock(mutex_);
    if (edit_) edit_(claimed);
  }
  bool is_timeless() const {
    const std::lock_guard lock(mutex_);
    return timeless_;
  }

 private:
  Step begin(Call call) {
    const std::lock_guard lock(mutex_);
    const std::string name = call.name;
    calls_.push_back(std::move(call));
    auto& next = next_[name];
    if (next.empty()) return always_.contains(name) ? always_[name] : Step{};
    Step step = std::move(next.front());
    next.pop_front();
    return step;
  }

  mutable std::mutex mutex_;
  std::vector<Call> calls_;
  std::map<std::string, std::deque<Step>> next_;
  std::map<std::string, Step> always_;
  Judge judge_;
  std::function<void(store::Claimed&)> edit_;
  bool timeless_ = false;
};

namespace scripted {

inline std::vector<std::string> texts(const std::vector<job::Settlement>& settlements) {
  std::vector<std::string> texts;
  for (const auto& one : settlements) texts.push_back(one.id + " " + std::string(job::name(one.status)));
  return texts;
}

inline std::vector<std::string> places(const std::vector<job::Settlement>& settlements) {
  std::vector<std::string> places;
  for (const auto& one : settlements) places.push_back(one.place);
  return places;
}

inline std::vector<std::string> ids(const std::vector<job::Ref>& jobs) {
  std::vector<std::string> ids;
  for (const job::Ref& one : jobs) ids.push_back(one.id);
  return ids;
}

/// Writes all settlements with `write`, except those that are judged unwritable.
template <class Write>
std::vector<store::Unwritten> write_some(const ScriptedStore& store,
                                         const std::vector<job::Settlement>& settlements, Write write) {
  std::vector<store::Unwritten> unwritten;
  std::vector<job::Settlement> taken;
  std::vector<std::size_t> places;
  std::set<std::int64_t> kept;
  for (std::size_t i = 0; i < settlements.size(); ++i) {
    if (auto why = store.judged(settlements[i])) {
      why->index = i;
      if (why->why != store::Unwritten::Why::not_ours) kept.insert(settlements[i].claim);
      unwritten.push_back(std::move(*why));
    } else {
      taken.push_back(settlements[i]);
      places.push_back(i);
    }
  }
  for (store::Unwritten& one : write(taken, kept)) {
    one.index = places[one.index];
    unwritten.push_back(std::move(one));
  }
  std::sort(unwritten.begin(), unwritten.end(),
            [](const auto& one, const auto& other) { return one.index < other.index; });
  return unwritten;
}

class Claims : public store::ClaimSession {
 public:
  Claims(ScriptedStore& store, store::RuntimeId runtime, int pump, bool listens)
      : store_(store), runtime_(runtime), session_(store.memory.claims(runtime, pump, listens)) {}

  store::Claimed claim(const std::vector<store::LaneRequest>& lanes, bool durable) override {
    return store_.act({"claim", runtime_, {}, {}, lanes.front().limit}, [&] {
      store::Claimed claimed = session_->claim(lanes, durable);
      store_.edit(claimed);
      return claimed;
    });
  }
  void reconcile(const std::vector<std::int64_t>& known, std::int64_t newest) override {
    store_.act({"reconcile", runtime_, {}, known}, [&] { session_->reconcile(known, newest); });
  }
  void use(store::RuntimeId runtime) override {
    runtime_ = runtime;
    store_.act({"use", runtime}, [&] { session_->use(runtime); });
  }
  bool want(bool wanted) override {
    return store_.act({"want", runtime_, {}, {}, wanted ? 1 : 0}, [&] { return session_->want(wanted); });
  }
  std::int64_t wait(base::Clock::time_point end) override {
    const auto never = base::Clock::now() + std::chrono::hours(1);
    return store_.act({"wait", runtime_}, [&] { return session_->wait(store_.is_timeless() ? never : end); });
  }
  void interrupt() override { session_->interrupt(); }

 private:
  ScriptedStore& store_;
  store::RuntimeId runtime_;
  const std::unique_ptr<store::ClaimSession> session_;
};

class Finishes : public store::FinishSession {
 public:
  explicit Finishes(ScriptedStore& store) : store_(store), session_(store.memory.finishes()) {}

  std::vector<store::Unwritten> finish(const std::vector<job::Settlement>& settlements,
                                       const std::vector<std::int64_t>& closing) override {
    return finish("finish", settlements, closing);
  }
  std::vector<store::Unwritten> finish_with_care(const std::vector<job::Settlement>& settlements,
                                                 const std::vector<std::int64_t>& closing) override {
    return finish("finish_with_care", settlements, closing);
  }
  std::vector<std::string> mark(const std::vector<job::Ref>& jobs,
                                const std::vector<std::int64_t>& filled) override {
    return store_.act({"mark", 0, ids(jobs), filled}, [&] {
      std::vector<std::string> places = session_->mark(jobs, filled);
      for (std::string& place : places) {
        if (!place.empty()) place = "where " + place + " was marked";
      }
      return places;
    });
  }
  std::vector<std::int64_t> living(const std::vector<std::int64_t>& claims) override {
    return store_.act({"living", 0, {}, claims}, [&] { return session_->living(claims); });
  }
  void surrender(const std::vector<std::int64_t>& claims) override {
    store_.act({"surrender", 0, {}, claims}, [&] { session_->surrender(claims); });
  }

 private:
  std::vector<store::Unwritten> finish(const char* name, const std::vector<job::Settlement>& settlements,
                                       const std::vector<std::int64_t>& closing) {
    return store_.act({name, 0, texts(settlements), closing, 0, places(settlements)}, [&] {
      return write_some(store_, settlements, [&](const auto& taken, const auto& kept) {
        std::vector<std::int64_t> used_up = closing;
        std::erase_if(used_up, [&](std::int64_t claim) { return kept.contains(claim); });
        return session_->finish(taken, used_up);
      });
    });
  }

  ScriptedStore& store_;
  const std::unique_ptr<store::FinishSession> session_;
};

class Effects : public store::EffectSession {
 public:
  Effects(ScriptedStore& store, std::chrono::microseconds limit)
      : store_(store), session_(store.memory.effects(limit)) {}

  std::vector<store::Unwritten> commit(const std::vector<job::Settlement>& settlements) override {
    return store_.act({"commit", 0, texts(settlements)}, [&] {
      return write_some(store_, settlements,
                        [&](const auto& taken, const auto&) { return session_->commit(taken); });
    });
  }

 private:
  ScriptedStore& store_;
  const std::unique_ptr<store::EffectSession> session_;
};

class Heart : public store::HeartSession {
 public:
  Heart(ScriptedStore& store, std::chrono::milliseconds patience)
      : store_(store), session_(store.memory.heart(patience)) {}

  std::optional<double> beat(store::RuntimeId runtime) override {
    return store_.act({"beat", runtime}, [&] { return session_->beat(runtime); });
  }

 private:
  ScriptedStore& store_;
  const std::unique_ptr<store::HeartSession> session_;
};

class Care : public store::CareSession {
 public:
  explicit Care(ScriptedStore& store) : store_(store), session_(store.memory.care()) {}

  store::RuntimeId enlist(const store::RuntimeInfo& info) override {
    return store_.act({"enlist"}, [&] { return session_->enlist(info); });
  }
  void serve(store::RuntimeId runtime, const std::vector<store::ServedType>& types) override {
    std::vector<std::string> names;
    for (const auto& one : types) names.push_back(one.type);
    store_.act({"serve", runtime, names}, [&] { session_->serve(runtime, types); });
  }
  void leave(store::RuntimeId runtime, const store::Unfinished& unfinished) override {
    store_.act({"leave", runtime, unfinished.ids}, [&] { session_->leave(runtime, unfinished); });
  }
  store::Promoted promote_due(std::size_t limit) override {
    return store_.act({"promote_due", 0, {}, {}, static_cast<std::int64_t>(limit)},
                      [&] { return session_->promote_due(limit); });
  }
  store::Rescued rescue(const store::Judge& judge, const job::RetryPolicy& fallback) override {
    return store_.act({"rescue", judge.runtime}, [&] { return session_->rescue(judge, fallback); });
  }
  std::string blocker(const std::optional<std::string>& job) override { return session_->blocker(job); }
  std::vector<std::string> paused_types() override { return session_->paused_types(); }
  std::vector<std::string> cancel_requests(store::RuntimeId runtime) override {
    return store_.act({"cancel_requests", runtime}, [&] { return session_->cancel_requests(runtime); });
  }
  void publish(store::RuntimeId runtime, const std::vector<store::PluginReport>& plugins) override {
    session_->publish(runtime, plugins);
  }
  void show_running(store::RuntimeId runtime, const store::RunningChanges& changes) override {
    session_->show_running(runtime, changes);
  }
  void count(const std::vector<store::OutcomeCount>& outcomes) override { session_->count(outcomes); }
  void trace(store::RuntimeId runtime, const std::vector<store::Trace>& traces,
             job::Microseconds keep) override {
    session_->trace(runtime, traces, keep);
  }
  void announce(const std::string& text) override {
    store_.act({"announce", 0, {text}}, [&] { session_->announce(text); });
  }
  store::Tidied tidy(std::size_t limit, job::Microseconds keep_audit) override {
    return session_->tidy(limit, keep_audit);
  }

 private:
  ScriptedStore& store_;
  const std::unique_ptr<store::CareSession> session_;
};

class Prunes : public store::PruneSession {
 public:
  Prunes(ScriptedStore& store, const std::string& status, job::Microseconds age)
      : store_(store), session_(store.memory.prunes(status, age)) {}

  store::Pruned prune(std::size_t limit) override {
    return store_.act({"prune", 0, {}, {}, static_cast<std::int64_t>(limit)},
                      [&] { return session_->prune(limit); });
  }

 private:
  ScriptedStore& store_;
  const std::unique_ptr<store::PruneSession> session_;
};

}  // namespace scripted

inline std::unique_ptr<store::ClaimSession> ScriptedStore::claims(store::RuntimeId runtime, int pump,
                                                                  bool listens) {
  return std::make_unique<scripted::Claims>(*this, runtime, pump, listens);
}
inline std::unique_ptr<store::FinishSession> ScriptedStore::finishes() {
  return std::make_unique<scripted::Finishes>(*this);
}
inline std::unique_ptr<store::EffectSession> ScriptedStore::effects(std::chrono::microseconds limit) {
  return std::make_unique<scripted::Effects>(*this, limit);
}
inline std::unique_ptr<store::HeartSession> ScriptedStore::heart(std::chrono::milliseconds patience) {
  act({"heart", 0, {}, {}, patience.count()}, [] {});
  return std::make_unique<scripted::Heart>(*this, patience);
}
inline std::unique_ptr<store::CareSession> ScriptedStore::care() {
  return std::make_unique<scripted::Care>(*this);
}
inline std::unique_ptr<store::PruneSession> ScriptedStore::prunes(const std::string& status,
                                                                  job::Microseconds age) {
  return std::make_unique<scripted::Prunes>(*this, status, age);
}

}  // namespace sluice::test
