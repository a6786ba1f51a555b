#include "engine/statement_times.hpp"

namespace sluice::engine {

namespace {

class TimedClaims : public store::ClaimSession {
 public:
  TimedClaims(std::unique_ptr<ClaimSession> session, StatementTimes& times)
      : session_(std::move(session)), times_(times) {}

  store::Claimed claim(const std::vector<store::LaneRequest>& lanes) override {
    return times_.time("claim", [&] { return session_->claim(lanes); });
  }
  void reconcile(const std::vector<std::int64_t>& known) override {
    times_.time("reconcile", [&] { session_->reconcile(known); });
  }

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
    return times_.time("finish", [&] { return session_->finish(settlements, closing); });
  }
  std::vector<store::Unwritten> finish_with_care(const std::vector<job::Settlement>& settlements,
                                                 const std::vector<std::int64_t>& closing) override {
    return times_.time("finish", [&] { return session_->finish_with_care(settlements, closing); });
  }
  std::vector<std::int64_t> living(const std::vector<std::int64_t>& claims) override {
    return times_.time("living", [&] { return session_->living(claims); });
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
    return times_.time("commit", [&] { return session_->commit(settlements); });
  }

 private:
  const std::unique_ptr<EffectSession> session_;
  StatementTimes& times_;
};

class TimedBriefs : public store::BriefSession {
 public:
  TimedBriefs(std::unique_ptr<BriefSession> session, StatementTimes& times)
      : session_(std::move(session)), times_(times) {}

  store::Claimed claim(const std::vector<store::LaneRequest>& lanes) override {
    return times_.time("lock", [&] { return session_->claim(lanes); });
  }
  store::Kept end(const std::vector<job::Job>& done, const std::vector<job::Job>& kept) override {
    return times_.time("end", [&] { return session_->end(done, kept); });
  }
  std::map<std::string, std::string> relock(const std::vector<job::Job>& jobs,
                                            const std::vector<std::int64_t>& known) override {
    return times_.time("relock", [&] { return session_->relock(jobs, known); });
  }

 private:
  const std::unique_ptr<BriefSession> session_;
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
  bool beat(store::RuntimeId runtime) override {
    return times_.time("beat", [&] { return session_->beat(runtime); });
  }
  void leave(store::RuntimeId runtime) override {
    times_.time("leave", [&] { session_->leave(runtime); });
  }
  std::size_t promote_due(std::size_t limit) override {
    return times_.time("promote", [&] { return session_->promote_due(limit); });
  }
  store::Rescued rescue(std::chrono::seconds lease, const job::RetryPolicy& fallback) override {
    return times_.time("rescue", [&] { return session_->rescue(lease, fallback); });
  }
  std::vector<std::string> cancel_requests(store::RuntimeId runtime) override {
    return times_.time("cancel_requests", [&] { return session_->cancel_requests(runtime); });
  }
  void publish(store::RuntimeId runtime, const std::vector<store::PluginReport>& plugins) override {
    times_.time("publish", [&] { session_->publish(runtime, plugins); });
  }
  void show_running(store::RuntimeId runtime, const store::RunningChanges& changes) override {
    times_.time("show_running", [&] { session_->show_running(runtime, changes); });
  }
  void count(const std::vector<store::Throughput>& outcomes) override {
    times_.time("count", [&] { session_->count(outcomes); });
  }
  void announce(const std::string& text) override {
    times_.time("announce", [&] { session_->announce(text); });
  }
  std::size_t tidy(std::size_t limit) override {
    return times_.time("tidy", [&] { return session_->tidy(limit); });
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
  const std::lock_guard lock(mutex_);
  return by_statement_;
}

void StatementTimes::took(const char* statement, std::chrono::steady_clock::duration time) {
  const std::lock_guard lock(mutex_);
  by_statement_[statement].seconds.add(std::chrono::duration<double>(time).count());
}

void StatementTimes::failed(const char* statement, const char* kind) {
  const std::lock_guard lock(mutex_);
  ++by_statement_[statement].errors[kind];
}

std::unique_ptr<store::ClaimSession> TimedStore::claims(store::RuntimeId runtime, int pump) {
  return std::make_unique<TimedClaims>(store_.claims(runtime, pump), times_);
}

std::unique_ptr<store::FinishSession> TimedStore::finishes() {
  return std::make_unique<TimedFinishes>(store_.finishes(), times_);
}

std::unique_ptr<store::EffectSession> TimedStore::effects(std::chrono::microseconds limit) {
  return std::make_unique<TimedEffects>(store_.effects(limit), times_);
}

std::unique_ptr<store::BriefSession> TimedStore::briefs(store::RuntimeId runtime, int pump) {
  return std::make_unique<TimedBriefs>(store_.briefs(runtime, pump), times_);
}

std::unique_ptr<store::CareSession> TimedStore::care() {
  return std::make_unique<TimedCare>(store_.care(), times_);
}

std::unique_ptr<store::PruneSession> TimedStore::prunes(const std::string& status,
                                                        job::Microseconds older_than) {
  return std::make_unique<TimedPrunes>(store_.prunes(status, older_than), times_);
}

}  // namespace sluice::engine
