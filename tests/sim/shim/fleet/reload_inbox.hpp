// What fleet/reload_inbox.hpp has: a simulated runtime gets the requests of `sluice reload` as calls.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>

#include "fleet/reload_request.hpp"

namespace sluice::sim {

class Process;

/// Sends a request to a simulated runtime. It is lost if that does not run.
void send_reload_request(const Process& runtime, const fleet::ReloadRequest& request);

}  // namespace sluice::sim

namespace sluice::fleet {

class ReloadInbox {
 public:
  ReloadInbox(boost::asio::io_context& loop, std::function<void(const ReloadRequest&)> take);
  ~ReloadInbox() { close(); }
  ReloadInbox(const ReloadInbox&) = delete;
  ReloadInbox& operator=(const ReloadInbox&) = delete;

  void close();
  /// From any fiber.
  void deliver(const ReloadRequest& request);

 private:
  boost::asio::io_context& loop_;
  const std::function<void(const ReloadRequest&)> take_;
};

}  // namespace sluice::fleet
