// Receives the datagrams that the program sends to its service manager's NOTIFY_SOCKET.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <stdexcept>
#include <string>

#include "support/scratch.hpp"
#include "support/wait.hpp"

namespace sluice::test {

class NotifySocket {
 public:
  NotifySocket() : socket_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path().c_str(), sizeof address.sun_path - 1);
    if (bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("binding " + path() + " failed: " + std::strerror(errno));
    }
  }
  ~NotifySocket() { close(socket_); }
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  std::string path() const { return scratch_.path("notify"); }

  /// Waits for a datagram with a line that begins with `line`. Discards earlier datagrams.
  bool hears(const std::string& line) {
    return eventually([&] {
      std::array<char, 4096> buffer{};
      for (ssize_t size = 0; (size = recv(socket_, buffer.data(), buffer.size(), 0)) > 0;) {
        const std::string text = "\n" + std::string(buffer.data(), static_cast<std::size_t>(size)) + "\n";
        if (text.find("\n" + line) != std::string::npos) return true;
      }
      return false;
    });
  }

 private:
  Scratch scratch_;
  int socket_;
};

}  // namespace sluice::test
