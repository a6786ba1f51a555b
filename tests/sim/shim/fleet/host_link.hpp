// What fleet/host_link.hpp has, over the pipe to a simulated host. What a host sent arrives in pieces of any
// size, also after its death. It lives on an event loop's fiber and calls its listener there.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "fleet/spawn.hpp"
#include "wire/bounds.hpp"
#include "wire/frame.hpp"

namespace sluice::sim {

class Host;

}  // namespace sluice::sim

namespace sluice::fleet {

class HostLink {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void on_frame(const wire::Frame& frame) = 0;
    virtual bool on_frames_read() { return true; }
    virtual void on_malformed(const std::string& what) = 0;
    virtual bool on_printed(const char* stream, const std::string& line) = 0;
    virtual void on_closed() = 0;
  };

  HostLink(boost::asio::io_context& loop, Spawned process);
  ~HostLink();
  HostLink(const HostLink&) = delete;
  HostLink& operator=(const HostLink&) = delete;

  void begin(const std::shared_ptr<Listener>& listener);
  void write(std::string frames);
  void kill() const { kill_host(process_); }
  void ended() {}

  pid_t pid() const { return process_.pid; }
  const Spawned& process() const { return process_; }
  bool closed() const { return closed_; }
  bool all_read() const { return closed_; }

 private:
  void read_soon();
  void read(Listener& listener);

  Spawned process_;
  boost::asio::io_context& loop_;
  std::shared_ptr<sim::Host> host_;
  std::weak_ptr<Listener> listener_;
  wire::FrameReader reader_{wire::longest_plugin_frame};
  bool reading_ = false;  // read() is queued
  bool closed_ = false;
};

}  // namespace sluice::fleet
