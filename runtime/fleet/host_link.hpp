// The connection to one plugin host: its process, the socket for frames, and what it prints. It knows nothing
// about jobs. The runtime and the workshop use the same one. It lives on an event loop's thread and calls its
// listener there.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>

#include "fleet/spawn.hpp"
#include "wire/bounds.hpp"
#include "wire/frame.hpp"

namespace sluice::fleet {

class HostLink {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    /// Throws wire::Malformed if a host must not send this frame.
    virtual void on_frame(const wire::Frame& frame) = 0;
    /// The frames that had come were passed to on_frame. Returns false if they were a flood that is dropped:
    /// then more is read after a pause, and the host waits.
    virtual bool on_frames_read() { return true; }
    /// The host broke the format, so it can't be trusted any more.
    virtual void on_malformed(const std::string& what) = 0;
    /// A line that the host printed on "stdout" or "stderr". Returns false if it was dropped, as above.
    virtual bool on_printed(const char* stream, const std::string& line) = 0;
    /// The host closed its socket, usually because it died. Everything that it sent has been read.
    virtual void on_closed() = 0;
  };

  HostLink(boost::asio::io_context& loop, Spawned process);
  ~HostLink();
  HostLink(const HostLink&) = delete;
  HostLink& operator=(const HostLink&) = delete;

  /// Starts reading. Until everything is read, the queued handlers share the ownership of `listener`, which
  /// owns this link.
  void begin(const std::shared_ptr<Listener>& listener);
  /// Queues frames.
  void write(std::string frames);
  /// Sends SIGKILL to the process and its group.
  void kill() const { kill_host(process_); }
  /// After waitpid: limits how long the link waits for processes that the plugin left behind to close what
  /// they inherited.
  void ended();

  pid_t pid() const { return process_.pid; }
  const Spawned& process() const { return process_; }
  bool closed() const { return closed_; }
  /// True if the socket and both streams have been read to their end.
  bool all_read() const { return closed_ && open_streams_ == 0; }

 private:
  class Output;

  void write_next();
  void read();
  bool take_frames(Listener& listener);
  void end(Listener& listener);
  void stop_waiting_when_all_read();

  Spawned process_;
  std::weak_ptr<Listener> listener_;
  bool closed_ = false;
  bool malformed_ = false;  // what still comes is dropped
  bool given_up_ = false;   // nothing more is read
  int open_streams_ = 0;
  boost::asio::local::stream_protocol::socket socket_;
  std::unique_ptr<Output> out_;
  std::unique_ptr<Output> err_;
  boost::asio::steady_timer patience_;
  boost::asio::steady_timer pause_;
  wire::FrameReader reader_{wire::longest_plugin_frame};
  std::string writing_;
  std::string to_write_;
};

}  // namespace sluice::fleet
