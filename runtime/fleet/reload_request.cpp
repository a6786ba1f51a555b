#include "fleet/reload_request.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <cerrno>
#include <cmath>
#include <system_error>

namespace sluice::fleet {

namespace {

// The value: 2 bits for what is asked, then share, seconds and jobs.
constexpr double share_unit = 10'000;
constexpr unsigned share_at = 2;
constexpr unsigned seconds_at = 16;
constexpr unsigned jobs_at = 36;
constexpr std::uint64_t what_mask = 0x3;
constexpr std::uint64_t share_mask = 0x3fff;
constexpr std::uint64_t seconds_mask = 0xfffff;
static_assert(std::uint64_t{longest_canary.count()} <= seconds_mask);
static_assert(most_least_jobs < std::int64_t{1} << (64U - jobs_at));

std::atomic<int> pipe_end{-1};

/// Only what is safe in a signal handler. A full pipe holds thousands of requests, and a further one is lost.
void pass_on(int, siginfo_t* info, void*) {
  const int before = errno;
  const auto value = reinterpret_cast<std::uint64_t>(info->si_value.sival_ptr);
  if (info->si_code == SI_QUEUE) (void)!write(pipe_end, &value, sizeof value);
  errno = before;
}

}  // namespace

std::uint64_t packed(const ReloadRequest& request) {
  const auto share = static_cast<std::uint64_t>(std::lround(request.plan.share * share_unit));
  return static_cast<std::uint64_t>(request.what) | share << share_at |
         static_cast<std::uint64_t>(request.plan.longest.count()) << seconds_at |
         static_cast<std::uint64_t>(request.plan.least_jobs) << jobs_at;
}

std::optional<ReloadRequest> unpacked(std::uint64_t value) {
  ReloadRequest request;
  request.what = static_cast<ReloadRequest::What>(value & what_mask);
  request.plan.share = static_cast<double>(value >> share_at & share_mask) / share_unit;
  request.plan.longest = std::chrono::seconds(value >> seconds_at & seconds_mask);
  request.plan.least_jobs = static_cast<std::int64_t>(value >> jobs_at);
  const bool valid = request.plan.share > 0 && request.plan.share <= Canary::most_share;
  if ((value & what_mask) == 0 || (request.what == ReloadRequest::What::canary && !valid))
    return std::nullopt;
  return request;
}

ReloadRequests::ReloadRequests(boost::asio::io_context& loop, std::function<void(const ReloadRequest&)> take)
    : from_(loop), to_(loop), take_(std::move(take)) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
    throw std::system_error(errno, std::generic_category(), "can't make a pipe for requests to reload");
  from_.assign(ends[0]);
  to_.assign(ends[1]);
  pipe_end = ends[1];
  struct sigaction action {};
  action.sa_sigaction = pass_on;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigaction(reload_request_signal(), &action, nullptr);
  read();
}

void ReloadRequests::close() {
  if (!from_.is_open()) return;
  signal(reload_request_signal(), SIG_IGN);
  pipe_end = -1;
  from_.close();
  to_.close();
}

void ReloadRequests::read() {
  boost::asio::async_read(from_, boost::asio::buffer(&value_, sizeof value_),
                          [this](const auto& error, std::size_t) {
                            if (error) return;
                            if (const auto request = unpacked(value_)) take_(*request);
                            read();
                          });
}

}  // namespace sluice::fleet
