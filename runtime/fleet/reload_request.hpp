// What `sluice reload` asks of a runtime beyond a plain reload: to begin a canary, or to decide one. It is
// sent as one real-time signal, whose value holds the whole request. So it needs no file, no socket and no
// database, the kernel checks who may send it, and SIGHUP keeps its meaning.
#pragma once

#include <signal.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <optional>

#include "fleet/canary.hpp"

namespace sluice::fleet {

struct ReloadRequest {
  enum class What { canary = 1, promote, abort };
  What what = What::canary;
  CanaryPlan plan;  ///< of a canary
  bool operator==(const ReloadRequest&) const = default;
};

/// The most that fits into a request.
constexpr std::chrono::seconds longest_canary{1'000'000};
constexpr std::int64_t most_least_jobs = 10'000'000;

/// A program of another version may not catch it, and would be ended by it.
inline int reload_request_signal() {
  return SIGRTMIN + 5;
}

std::uint64_t packed(const ReloadRequest& request);
/// Nullopt if it is no request.
std::optional<ReloadRequest> unpacked(std::uint64_t value);

/// Catches the signal and calls `take` in the event loop. One in a process.
class ReloadRequests {
 public:
  ReloadRequests(boost::asio::io_context& loop, std::function<void(const ReloadRequest&)> take);
  ~ReloadRequests() { close(); }
  /// No more requests are taken.
  void close();
  ReloadRequests(const ReloadRequests&) = delete;
  ReloadRequests& operator=(const ReloadRequests&) = delete;

 private:
  void read();

  boost::asio::posix::stream_descriptor from_;
  boost::asio::posix::stream_descriptor to_;
  const std::function<void(const ReloadRequest&)> take_;
  std::uint64_t value_ = 0;
};

}  // namespace sluice::fleet
