// Catches the signal with which `sluice reload` sends its requests.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>

#include "fleet/reload_request.hpp"

namespace sluice::fleet {

/// Calls `take` in the event loop. One in a process.
class ReloadInbox {
 public:
  ReloadInbox(boost::asio::io_context& loop, std::function<void(const ReloadRequest&)> take);
  ~ReloadInbox() { close(); }
  /// No more requests are taken.
  void close();
  ReloadInbox(const ReloadInbox&) = delete;
  ReloadInbox& operator=(const ReloadInbox&) = delete;

 private:
  void read();

  boost::asio::posix::stream_descriptor from_;
  boost::asio::posix::stream_descriptor to_;
  const std::function<void(const ReloadRequest&)> take_;
  std::uint64_t value_ = 0;
};

}  // namespace sluice::fleet
