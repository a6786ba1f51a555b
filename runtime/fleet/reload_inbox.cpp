#include "fleet/reload_inbox.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <cerrno>
#include <system_error>

namespace sluice::fleet {

namespace {

std::atomic<int> pipe_end{-1};

/// Only what is safe in a signal handler. A full pipe holds thousands of requests, and a further one is lost.
void pass_on(int, siginfo_t* info, void*) {
  const int before = errno;
  const auto value = reinterpret_cast<std::uint64_t>(info->si_value.sival_ptr);
  if (info->si_code == SI_QUEUE) (void)!write(pipe_end, &value, sizeof value);
  errno = before;
}

}  // namespace

ReloadInbox::ReloadInbox(boost::asio::io_context& loop, std::function<void(const ReloadRequest&)> take)
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

void ReloadInbox::close() {
  if (!from_.is_open()) return;
  signal(reload_request_signal(), SIG_IGN);
  pipe_end = -1;
  from_.close();
  to_.close();
}

void ReloadInbox::read() {
  boost::asio::async_read(from_, boost::asio::buffer(&value_, sizeof value_),
                          [this](const auto& error, std::size_t) {
                            if (error) return;
                            if (const auto request = unpacked(value_)) take_(*request);
                            read();
                          });
}

}  // namespace sluice::fleet
