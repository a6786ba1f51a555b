// How long the database takes, statement by statement, and how often it fails.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/histogram.hpp"
#include "base/threads.hpp"
#include "engine/watch/summary.hpp"
#include "store/store.hpp"

namespace sluice::engine {

struct StatementSummary {
  base::Histogram seconds{
      second_bounds};  ///< until the answer or the error, including a reconnection if one was needed
  std::map<std::string, std::int64_t> errors;  ///< by kind: unavailable, refused or fenced
};

/// Thread-safe.
class StatementTimes {
 public:
  /// Runs `call`, which executes `statement` in the store.
  template <class Call>
  auto time(const char* statement, Call&& call) {
    const Measurement measurement(*this, statement);
    try {
      return call();
    } catch (const store::Unavailable&) {
      failed(statement, "unavailable");
      throw;
    } catch (const store::Refused&) {
      failed(statement, "refused");
      throw;
    } catch (const store::Fenced&) {
      failed(statement, "fenced");
      throw;
    }
  }
  /// Counts an error that was not thrown.
  void failed(const char* statement, const char* kind);
  std::map<std::string, StatementSummary> by_statement() const;

 private:
  class Measurement {
   public:
    Measurement(StatementTimes& times, const char* statement) : times_(times), statement_(statement) {}
    ~Measurement() { times_.took(statement_, base::Clock::now() - began_); }
    Measurement(const Measurement&) = delete;
    Measurement& operator=(const Measurement&) = delete;

   private:
    StatementTimes& times_;
    const char* const statement_;
    const base::Clock::time_point began_ = base::Clock::now();
  };

  void took(const char* statement, base::Clock::duration time);

  mutable base::Mutex mutex_;
  std::map<std::string, StatementSummary> by_statement_ GUARDED_BY(mutex_);
};

/// `store`, with its sessions' calls timed, except those of commands and the waiting for notifications. Both
/// must outlive it.
class TimedStore : public store::Store {
 public:
  TimedStore(store::Store& store, StatementTimes& times) : store_(store), times_(times) {}

  std::unique_ptr<store::ClaimSession> claims(store::RuntimeId runtime, int pump, bool listens) override;
  std::unique_ptr<store::FinishSession> finishes() override;
  std::unique_ptr<store::EffectSession> effects(std::chrono::microseconds limit) override;
  std::unique_ptr<store::HeartSession> heart(std::chrono::milliseconds patience) override;
  std::unique_ptr<store::CareSession> care() override;
  std::unique_ptr<store::PruneSession> prunes(const std::string& status,
                                              job::Microseconds older_than) override;
  std::unique_ptr<store::DeskSession> desk() override { return store_.desk(); }
  std::unique_ptr<store::InsightSession> insight() override { return store_.insight(); }
  void limit(base::Clock::time_point when) override { store_.limit(when); }

 private:
  store::Store& store_;
  StatementTimes& times_;
};

}  // namespace sluice::engine
