#include "http/connection.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace sluice::http {

namespace {

constexpr std::size_t most_received = 65536;

}  // namespace

bool Connection::wait_for(short events) const {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
    if (left.count() <= 0) return false;
    pollfd one{socket_, events, 0};
    const int ready = poll(&one, 1, static_cast<int>(left.count()));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

bool Connection::is_readable() const {
  return begin_ < end_ || wait_for(POLLIN);
}

bool Connection::is_writable() const {
  return wait_for(POLLOUT);
}

bool Connection::fill() {
  if (received_ >= most_received || !wait_for(POLLIN)) return false;
  const ssize_t got = recv(socket_, buffer_.data(), buffer_.size(), 0);
  if (got <= 0) return false;
  begin_ = 0;
  end_ = static_cast<std::size_t>(got);
  received_ += end_;
  return true;
}

ssize_t Connection::read(char* to, size_t size) {
  if (begin_ == end_ && !fill()) return -1;
  const std::size_t count = std::min(size, end_ - begin_);
  std::memcpy(to, buffer_.data() + begin_, count);
  begin_ += count;
  return static_cast<ssize_t>(count);
}

ssize_t Connection::write(const char* from, size_t size) {
  if (!wait_for(POLLOUT)) return -1;
  return send(socket_, from, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

// Nobody asks who is at the other end.
void Connection::get_remote_ip_and_port(std::string& ip, int& port) const {
  ip.clear();
  port = 0;
}
void Connection::get_local_ip_and_port(std::string& ip, int& port) const {
  ip.clear();
  port = 0;
}

}  // namespace sluice::http
