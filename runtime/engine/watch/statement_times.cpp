#include "engine/watch/statement_times.hpp"

namespace sluice::engine {

namespace {

/// Counts refusals that were not thrown because they hold up nothing else.
std::vector<store::Unwritten> counted(StatementTimes& times, const char* statement,
                                      std::vector<store::Unwritten> unwritten) {
  for (const store::Unwritten& one : unwritten) {
    if (one.why == store::Unwritten::Why::refused) times.failed(statement, "refused");
  }
  return unwritten;
}

class TimedClaims : public store::ClaimSession {
 public:
  TimedClaims(std::unique_ptr<ClaimSession> session, StatementTimes& times)
      : session_(std::move(session)), times_(times) {}

  store::Claimed claim(const std::vector<store::LaneRequest>& lanes, bool durable) override {
    return times_.time("claim", [&] { return session_->claim(lanes, durable); });
  }
  void reconcile(const std::vector<std::int64_t>& known, std::int64_t newest) override {
    times_.time("reconcile", [&] { session_->reconcile(known, newest); });
  }
  void use(store::RuntimeId runtime) override { session_->use(runtime); }
  bool want(bool wanted) override { return session_->want(wanted); }
  std::int64_t wait(base::Clock::time_point end) override { return session_->wait(end); }
  void interrupt() override { session_->interrupt(); }

 private:
  const std::unique_ptr<ClaimSession> session_;
  StatementTimes& times_;
};

class TimedFinishes : public store::FinishSession {
 public:
  TimedFinishes(std::unique_ptr<FinishSession> session, StatementTimes& times)
      : session_(std::move(session)), times_(times) {}

  std::vector<store::Unwritten> finish(const std::vector<job::Settlement>& settlements,
                                       const std::vector<std::int64_t>& closing) override {
    return counted(times_, "finish",
                   times_.time("finish", [&] { return session_->finish(settlements, closing); }));
  }
  std::vector<store::Unwritten> finish_with_care(const std::vector<job::Settlement>& settlements,
                                                 const std::vector<std::int64_t>& closing) override {
    return counted(times_, "finish",
                   times_.time("finish", [&] { return session_->finish_with_care(settlements, closing); }));
  }
  std::vector<std::string> mark(const std::vector<job::Ref>& jobs,
                                const std::vector<std::int64_t>& filled) override {
    return times_.time("mark", [&] { return session_->mark(jobs, filled); });
  }
  std::vector<std::int64_t> living(const std::vector<std::int64_t>& claims) override {
    return times_.time("living", [&] { return session_->living(claims); });
  }
  void surrender(const std::vector<std::int64_t>& claims) override {
    times_.time("surrender", [&] { session_->surrender(claims); });
  }

 private:
  const std::unique_ptr<FinishSession> session_;
  StatementTimes& times_;
};

class TimedEffects : public store::EffectSession {
 public:
  TimedEffects(std::unique_ptr<EffectSession> session, StatementTimes& times)
      : session_(std::move(session)), times_(times) {}

  std::vector<store::Unwritten> commit(const std::vector<job::Settlement>& settlements) override {
    return counted(times_, "commit", times_.time("commit", [&] { return session_->commit(settlements); }));
  }

 private:
  const std::unique_ptr<EffectSession> session_;
  StatementTimes& times_;
};

class TimedHeart : public store::HeartSession {
 public:
  TimedHeart(std::unique_ptr<HeartSession> session, StatementTimes& times)
      : session_(std::move(session)), times_(times) {}

  std::optional<double> beat(store::RuntimeId runtime) override {
    return times_.time("beat", [&] { return session_->beat(runtime); });
  }

 private:
  const std::unique_ptr<HeartSession> session_;
  StatementTimes& times_;
};

class TimedCare : public store::CareSession {
 public:
  TimedCare(std::unique_ptr<CareSession> session, StatementTimes& times)
      : session_(std::move(session)), times_(times) {}

  store::RuntimeId enlist(const store::RuntimeInfo& info) override {
    return times_.time("enlist", [&] { return session_->enlist(info); });
  }
  void serve(store::RuntimeId runtime, const std::vector<store::ServedType>& types) override {
    times_.time("serve", [&] { session_->serve(runtime, types); });
  }
  void leave(store::RuntimeId runtime, const store::Unfinished& unfinished) override {
    times_.time("leave", [&] { session_->leave(runtime, unfinished); });
  }
  store::Promoted promote_due(std::size_t limit) override {
    store::Promoted promoted = times_.time("promote", [&] { return session_->promote_due(limit); });
    if (!promoted.refusal.empty()) times_.failed("promote", "refused");
    return promoted;
  }
  store::Rescued rescue(const store::Judge& judge, const job::RetryPolicy& fallback) override {
    store::Rescued rescued = times_.time("rescue", [&] { return session_->rescue(judge, fallback); });
    if (!rescued.refusal.empty()) times_.failed("rescue", "refused");
    return rescued;
  }
  std::string blocker(const std::optional<std::string>& job) override {
    return times_.time("blocker", [&] { return session_->blocker(job); });
  }
  std::vector<std::string> paused_types() override {
    return times_.time("paused_types", [&] { return session_->paused_types(); });
  }
  std::vector<std::string> cancel_requests(store::RuntimeId runtime) override {
    return times_.time("cancel_requests", [&] { return session_->cancel_requests(runtime); });
  }
  void publish(store::RuntimeId runtime, const std::vector<store::PluginReport>& plugins) override {
    times_.time("publish", [&] { session_->publish(runtime, plugins); });
  }
  void publish_settings(store::RuntimeId runtime, const std::string& settings) override {
    times_.time("publish_settings", [&] { session_->publish_settings(runtime, settings); });
  }
  void show_running(store::RuntimeId runtime, const store::RunningChanges& changes) override {
    times_.time("show_running", [&] { session_->show_running(runtime, changes); });
  }
  void count(const std::vector<store::OutcomeCount>& outcomes) override {
    times_.time("count", [&] { session_->count(outcomes); });
  }
  void trace(store::RuntimeId runtime, const std::vector<store::Trace>& traces,
             job::Microseconds keep) override {
    times_.time("trace", [&] { session_->trace(runtime, traces, keep); });
  }
  void announce(const std::string& text) override {
    times_.time("announce", [&] { session_->announce(text); });
  }
  store::Tidied tidy(std::size_t limit, job::Microseconds keep_audit) override {
    return times_.time("tidy", [&] { return session_->tidy(limit, keep_audit); });
  }

 private:
  const std::unique_ptr<CareSession> session_;
  StatementTimes& times_;
};

class TimedPrunes : public store::PruneSession {
 public:
  TimedPrunes(std::unique_ptr<PruneSession> session, StatementTimes& times)
      : session_(std::move(session)), times_(times) {}

  store::Pruned prune(std::size_t limit) override {
    return times_.time("prune", [&] { return session_->prune(limit); });
  }

 private:
  const std::unique_ptr<PruneSession> session_;
  StatementTimes& times_;
};

}  // namespace

std::map<std::string, StatementSummary> StatementTimes::by_statement() const {
  const base::Lock lock(mutex_);
  return by_statement_;
}

void StatementTimes::took(const char* statement, base::Clock::duration time) {
  const base::Lock lock(mutex_);
  by_statement_[statement].seconds.add(std::chrono::duration<double>(time).count());
}

void StatementTimes::failed(const char* statement, const char* kind) {
  const base::Lock lock(mutex_);
  ++by_statement_[statement].errors[kind];
}

std::unique_ptr<store::ClaimSession> TimedStore::claims(store::RuntimeId runtime, int pump, bool listens) {
  return std::make_unique<TimedClaims>(store_.claims(runtime, pump, listens), times_);
}

std::unique_ptr<store::FinishSession> TimedStore::finishes() {
  return std::make_unique<TimedFinishes>(store_.finishes(), times_);
}

std::unique_ptr<store::EffectSession> TimedStore::effects(std::chrono::microseconds limit) {
  return std::make_unique<TimedEffects>(store_.effects(limit), times_);
}

std::unique_ptr<store::HeartSession> TimedStore::heart(std::chrono::milliseconds patience) {
  return std::make_unique<TimedHeart>(store_.heart(patience), times_);
}

std::unique_ptr<store::CareSession> TimedStore::care() {
  return std::make_unique<TimedCare>(store_.care(), times_);
}

std::unique_ptr<store::PruneSession> TimedStore::prunes(const std::string& status,
                                                        job::Microseconds older_than) {
  return std::make_unique<TimedPrunes>(store_.prunes(status, older_than), times_);
}

}  // namespace sluice::engine
