#include "dashboard/reloads.hpp"

#include <array>
#include <chrono>
#include <exception>
#include <map>
#include <utility>

namespace sluice::dashboard {

namespace {

constexpr std::array<const char*, 5> names{"reload", "canary", "promote", "abort", "rollback"};

}  // namespace

const char* name(ReloadWish::What what) {
  return names.at(static_cast<std::size_t>(what));
}

std::optional<ReloadWish::What> parse_reload(const std::string& name) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (name == names.at(i)) return static_cast<ReloadWish::What>(i);
  }
  return std::nullopt;
}

void record_reload(store::JobDesk& desk, const ReloadWish& wish, const std::string& runtimes) {
  std::map<std::string, std::string> details{{"what", name(wish.what)}, {"runtimes", runtimes}};
  if (!wish.share.empty()) details["share"] = wish.share;
  if (!wish.longest.empty()) details["for"] = wish.longest;
  desk.record("reload", details, {});
}

Reloads::~Reloads() {
  stops_ = true;
  base::Thread thread;
  {
    const base::Lock lock(mutex_);
    thread = std::move(thread_);
  }
  if (thread.joinable()) thread.join();
}

bool Reloads::start(RuntimeControl& control, const ReloadWish& wish, const std::string& actor,
                    std::function<void(const std::string&)> asked, base::Clock::duration patience) {
  base::Lock lock(mutex_);
  if (state_ && !state_->over) return false;
  if (thread_.joinable()) thread_.join();  // it has ended, except for its last instructions
  state_ = ReloadState{
      wish,  actor, std::chrono::time_point_cast<std::chrono::microseconds>(base::WallClock::now()),
      false, {},    {}};
  thread_ = base::Thread([this, &control, wish, call = std::move(asked)] { run(control, wish, call); });
  const auto end = base::Clock::now() + patience;
  while (!state_->over && over_.wait_until(mutex_, end)) {
  }
  return true;
}

void Reloads::run(RuntimeControl& control, const ReloadWish& wish,
                  const std::function<void(const std::string&)>& asked) {
  std::string error;
  std::vector<ReloadResult> results;
  try {
    results = control.reload(wish, asked, [this] { return stops_.load(); });
  } catch (const std::exception& failed) {
    error = failed.what();
  }
  const base::Lock lock(mutex_);
  state_->results = std::move(results);
  state_->error = error;
  state_->over = true;
  over_.notify_all();
}

std::optional<ReloadState> Reloads::last() const {
  const base::Lock lock(mutex_);
  return state_;
}

}  // namespace sluice::dashboard
