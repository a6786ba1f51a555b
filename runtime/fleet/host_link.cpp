#include "fleet/host_link.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "fleet/line_cutter.hpp"
#include "fleet/orphans.hpp"

namespace sluice::fleet {

namespace {

constexpr std::size_t read_size = 256 * 1024;
/// Between two reads of a flood, so that it takes little time of the event loop.
constexpr std::chrono::milliseconds flood_pause{10};

}  // namespace

/// Turns what the host prints on one of its descriptors into lines.
class HostLink::Output {
 public:
  Output(boost::asio::io_context& loop, base::Descriptor fd, const char* stream, HostLink& link)
      : descriptor_(loop, fd.release()), pause_(loop), stream_(stream), link_(link) {}

  /// Reads to the end.
  void read(std::shared_ptr<Listener> listener) {
    descriptor_.async_read_some(boost::asio::buffer(buffer_), [this, listener = std::move(listener)](
                                                                  const auto& error, std::size_t size) {
      const auto lines = error ? cutter_.rest() : cutter_.add({buffer_.data(), size});
      bool is_flood = false;
      for (const std::string& line : lines) is_flood = !listener->on_printed(stream_, line) || is_flood;
      if (error || link_.given_up_) return end();
      if (!is_flood) return read(listener);
      pause_.expires_after(flood_pause);
      pause_.async_wait([this, listener](const auto&) { link_.given_up_ ? end() : read(listener); });
    });
  }
  /// Stops reading a descriptor that a process which outlived the host holds open.
  void cancel() { descriptor_.cancel(); }

 private:
  void end() {
    --link_.open_streams_;
    link_.stop_waiting_when_all_read();
  }

  boost::asio::posix::stream_descriptor descriptor_;
  boost::asio::steady_timer pause_;
  const char* stream_;
  HostLink& link_;
  LineCutter cutter_;
  std::array<char, 16 * 1024> buffer_{};
};

HostLink::HostLink(boost::asio::io_context& loop, Spawned process)
    : process_(std::move(process)),
      socket_(loop, boost::asio::local::stream_protocol(), process_.socket.release()),
      patience_(loop),
      pause_(loop) {
  if (process_.out.open()) out_ = std::make_unique<Output>(loop, std::move(process_.out), "stdout", *this);
  if (process_.err.open()) err_ = std::make_unique<Output>(loop, std::move(process_.err), "stderr", *this);
}

HostLink::~HostLink() = default;

void HostLink::begin(const std::shared_ptr<Listener>& listener) {
  listener_ = listener;
  for (const auto& output : {&out_, &err_}) {
    if (!*output) continue;
    ++open_streams_;
    (*output)->read(listener);
  }
  read();
}

void HostLink::write(std::string frames) {
  if (to_write_.empty()) {
    to_write_ = std::move(frames);
  } else {
    to_write_ += frames;
  }
  if (writing_.empty()) write_next();
}

void HostLink::write_next() {
  if (to_write_.empty() || !socket_.is_open()) return;
  writing_ = std::exchange(to_write_, {});
  boost::asio::async_write(socket_, boost::asio::buffer(writing_),
                           [this, keep = listener_.lock()](const auto& error, std::size_t) {
                             if (error) return;  // it died, which is noticed elsewhere
                             writing_.clear();
                             write_next();
                           });
}

void HostLink::read() {
  if (given_up_) return end(*listener_.lock());
  char* const room = reader_.room(read_size);
  socket_.async_read_some(boost::asio::buffer(room, read_size),
                          [this, listener = listener_.lock()](const auto& error, std::size_t size) {
                            if (error) return end(*listener);
                            if (malformed_) return read();
                            reader_.filled(size);
                            if (take_frames(*listener)) return read();
                            pause_.expires_after(flood_pause);
                            pause_.async_wait([this, listener](const auto&) { read(); });
                          });
}

void HostLink::end(Listener& listener) {
  closed_ = true;
  listener.on_closed();
  stop_waiting_when_all_read();
}

/// False if they were a flood.
bool HostLink::take_frames(Listener& listener) {
  try {
    while (const auto frame = reader_.next()) listener.on_frame(*frame);
  } catch (const wire::Malformed& error) {
    malformed_ = true;
    listener.on_malformed(error.what());
  }
  return listener.on_frames_read();
}

void HostLink::ended() {
  forget_child(process_.pid);
  constexpr std::chrono::seconds for_stragglers{2};
  patience_.expires_after(for_stragglers);
  patience_.async_wait([this, keep = listener_.lock()](const auto& error) {
    if (error) return;
    given_up_ = true;
    socket_.cancel();
    for (const auto& output : {&out_, &err_}) {
      if (*output) (*output)->cancel();
    }
  });
  stop_waiting_when_all_read();
}

void HostLink::stop_waiting_when_all_read() {
  if (all_read()) patience_.cancel();
}

}  // namespace sluice::fleet
