// One connection of the HTTP server, with an end: whoever is slow to ask or to take the answer has all in all
// until the deadline, and may send so many bytes. Used by one thread. Inside runtime/http only.
#pragma once

#include <httplib.h>

#include <array>
#include <chrono>
#include <string>

namespace sluice::http {

class Connection : public httplib::Stream {
 public:
  using Clock = std::chrono::steady_clock;

  /// Does not own the socket.
  Connection(socket_t socket, Clock::time_point deadline) : socket_(socket), deadline_(deadline) {}

  bool is_readable() const override;
  bool is_writable() const override;
  ssize_t read(char* to, size_t size) override;
  ssize_t write(const char* from, size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  socket_t socket() const override { return socket_; }

 private:
  bool wait_for(short events) const;
  bool fill();

  const socket_t socket_;
  const Clock::time_point deadline_;
  std::array<char, 4096> buffer_{};
  std::size_t begin_ = 0;  // what was received and not read yet
  std::size_t end_ = 0;
  std::size_t received_ = 0;
};

}  // namespace sluice::http
