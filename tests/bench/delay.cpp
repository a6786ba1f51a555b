// Passes on the bytes of connections with a delay, as if over a network.
//
//   bench_delay SOCKET MICROSECONDS
//
// Listens on a free port of the loopback, which it prints ("port 40123"), and connects each client to the
// Unix socket. Every byte is passed on that many microseconds after it arrived, in either direction. The
// number of bytes in transit is not limited. A signal ends the program.
#include <sys/prctl.h>

#include <array>
#include <boost/asio.hpp>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;
using Socket = asio::generic::stream_protocol::socket;

struct Ends {
  Socket near, far;
};

/// One direction of a connection.
class Line : public std::enable_shared_from_this<Line> {
 public:
  Line(std::shared_ptr<Ends> ends, Socket& from, Socket& to, Clock::duration delay)
      : ends_(std::move(ends)), from_(from), to_(to), delay_(delay), timer_(from.get_executor()) {}

  void read() {
    from_.async_read_some(asio::buffer(buffer_), [self = shared_from_this()](auto error, std::size_t size) {
      self->came(error ? std::string() : std::string(self->buffer_.data(), size));
    });
  }

 private:
  struct Late {
    Clock::time_point due;
    std::string text;  // empty: the end of the connection
  };

  void came(std::string text) {
    const bool ended = text.empty();
    late_.push_back({Clock::now() + delay_, std::move(text)});
    if (late_.size() == 1) {
      pass_on();
    }
    if (!ended) {
      read();
    }
  }

  void pass_on() {
    timer_.expires_at(late_.front().due);
    timer_.async_wait([self = shared_from_this()](auto) { self->write(); });
  }

  void write() {
    if (late_.front().text.empty()) {
      boost::system::error_code ignored;
      to_.shutdown(Socket::shutdown_send, ignored);
      return;
    }
    asio::async_write(to_, asio::buffer(late_.front().text),
                      [self = shared_from_this()](auto error, std::size_t) {
                        self->late_.pop_front();
                        if (!error && !self->late_.empty()) {
                          self->pass_on();
                        }
                      });
  }

  std::shared_ptr<Ends> ends_;
  Socket &from_, &to_;
  const Clock::duration delay_;
  asio::steady_timer timer_;
  std::array<char, 1 << 16> buffer_{};
  std::deque<Late> late_;
};

class Delay {
 public:
  Delay(asio::io_context& io, const char* socket, Clock::duration delay)
      : io_(io), server_(socket), delay_(delay), acceptor_(io, {asio::ip::address_v4::loopback(), 0}) {}

  int port() const { return acceptor_.local_endpoint().port(); }

  void accept() {
    acceptor_.async_accept([this](auto error, asio::ip::tcp::socket client) {
      if (!error) {
        client.set_option(asio::ip::tcp::no_delay(true));
        connect(std::move(client));
      }
      accept();
    });
  }

 private:
  void connect(asio::ip::tcp::socket client) {
    asio::local::stream_protocol::socket server(io_);
    boost::system::error_code error;
    if (server.connect(server_, error)) {
      std::cerr << "bench_delay: can't connect to " << server_.path() << ": " << error.message() << '\n';
      return;  // which closes the client's connection
    }
    const auto ends = std::make_shared<Ends>(Ends{std::move(client), std::move(server)});
    std::make_shared<Line>(ends, ends->near, ends->far, delay_)->read();
    std::make_shared<Line>(ends, ends->far, ends->near, delay_)->read();
  }

  asio::io_context& io_;
  asio::local::stream_protocol::endpoint server_;
  Clock::duration delay_;
  asio::ip::tcp::acceptor acceptor_;
};

}  // namespace

int main(int count, char** words) {
  if (count != 3) {
    std::cerr << "usage: bench_delay SOCKET MICROSECONDS\n";
    return 2;
  }
  prctl(PR_SET_TIMERSLACK, 1);  // otherwise a timer may be 50 us late
  asio::io_context io;
  Delay delay(io, words[1], std::chrono::microseconds(std::atol(words[2])));
  std::cout << "port " << delay.port() << std::endl;
  delay.accept();
  io.run();
}
