#include "dashboard/sessions.hpp"

#include <utility>

namespace sluice::dashboard {

namespace {

constexpr std::size_t most_sessions = 4;
constexpr std::chrono::seconds patience{5};

}  // namespace

Sessions::Loan Sessions::borrow() {
  const auto end = base::Clock::now() + patience;
  base::Lock lock(mutex_);
  while (lent_ >= most_sessions) {
    if (!returned_.wait_until(mutex_, end) && lent_ >= most_sessions)
      throw store::Unavailable("the dashboard's " + std::to_string(most_sessions) +
                               " database connections are busy with other pages; try again in some seconds");
  }
  ++lent_;
  std::unique_ptr<Session> session;
  if (!idle_.empty()) {
    session = std::move(idle_.back());
    idle_.pop_back();
  }
  lock.unlock();
  return {*this, session ? std::move(session) : open()};
}

std::unique_ptr<store::JobDesk> Sessions::jobs(const store::Actor& actor) const {
  auto desk = sources_.jobs();
  desk->act_as(actor);
  return desk;
}

std::unique_ptr<store::JobDesk> Sessions::walks(const store::Actor& actor) const {
  auto desk = sources_.walks();
  desk->act_as(actor);
  return desk;
}

void Sessions::take_back(std::unique_ptr<Session> session) {
  const base::Lock lock(mutex_);
  if (session) idle_.push_back(std::move(session));
  --lent_;
  returned_.notify_one();
}

std::unique_ptr<Session> Sessions::open() const {
  auto session = std::make_unique<Session>();  // none of them connects before its first question
  session->desk = sources_.store->desk();
  session->insight = sources_.store->insight();
  session->jobs = sources_.jobs();
  session->care = sources_.store->care();
  return session;
}

}  // namespace sluice::dashboard
