// The dashboard's connections: a few, each used by one request at a time.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "base/threads.hpp"
#include "store/job_desk.hpp"
#include "store/store.hpp"

namespace sluice::dashboard {

/// Where its answers come from. The server ends each statement after some seconds, except those of walks.
struct Sources {
  std::unique_ptr<store::Store> store;
  std::function<std::unique_ptr<store::JobDesk>()> jobs;
  /// For changes of many jobs in batches, for which nobody waits.
  std::function<std::unique_ptr<store::JobDesk>()> walks;
};

struct Session {
  std::unique_ptr<store::DeskSession> desk;
  std::unique_ptr<store::InsightSession> insight;
  std::unique_ptr<store::JobDesk> jobs;      ///< for questions
  std::unique_ptr<store::CareSession> care;  ///< for questions
};

/// Any thread.
class Sessions {
 public:
  explicit Sessions(Sources sources) : sources_(std::move(sources)) {}

  /// A session, until it is destroyed.
  class Loan {
   public:
    Loan(Sessions& owner, std::unique_ptr<Session> session) : owner_(owner), session_(std::move(session)) {}
    ~Loan() { owner_.take_back(std::move(session_)); }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    Session* operator->() const { return session_.get(); }

   private:
    Sessions& owner_;
    std::unique_ptr<Session> session_;
  };

  /// Waits for a free one. Throws store::Unavailable if all are in use for long.
  Loan borrow();
  /// For changes, which are recorded as the actor's.
  std::unique_ptr<store::JobDesk> jobs(const store::Actor& actor) const;
  /// For changes of many.
  std::unique_ptr<store::JobDesk> walks(const store::Actor& actor) const;
  /// No question continues beyond `when`.
  void limit(base::Clock::time_point when) { sources_.store->limit(when); }

 private:
  void take_back(std::unique_ptr<Session> session);
  std::unique_ptr<Session> open() const;

  const Sources sources_;
  base::Mutex mutex_;
  base::Condition returned_;
  std::vector<std::unique_ptr<Session>> idle_ GUARDED_BY(mutex_);
  std::size_t lent_ GUARDED_BY(mutex_) = 0;
};

}  // namespace sluice::dashboard
