#include "workshop/rehearsal.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <deque>
#include <system_error>

#include "base/duration.hpp"
#include "base/threads.hpp"
#include "fleet/line_cutter.hpp"
#include "fleet/spawn.hpp"
#include "host/plugin_host.hpp"
#include "wire/bounds.hpp"
#include "wire/shared_page.hpp"

namespace sluice::workshop {

namespace {

using Clock = base::Clock;

constexpr std::size_t read_size = 64 * 1024;
constexpr Limit no_limit = std::chrono::hours(24 * 365);

/// What the host prints on one of its descriptors.
struct Stream {
  const char* name;
  base::Descriptor fd;
  fleet::LineCutter cutter;
};

/// How messages name a step that fails.
struct Step {
  const char* verb;
  const char* during;
  const char* expected;
};
constexpr Step loading{"load", "while it was being loaded", "get ready"};
constexpr Step starting{"start", "in its init", "get ready"};
constexpr Step stopping{"stop", "while it was being shut down", "end"};

std::string failed(const Step& step, const std::string& found) {
  return "found that it" + found + ", expected it to " + step.expected +
         "; run it under a debugger, or look at what it printed";
}

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1'000'000));
}

}  // namespace

class Rehearsal::Host {
 public:
  Host(Stage stage, Witness& witness) : stage_(std::move(stage)), witness_(witness) {
    if (stage_.in_process) {
      begin_here();
    } else {
      begin_process();
    }
    std::string frame;
    wire::put_load(frame, {stage_.path});
    write(frame);
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  ~Host() {
    if (!stage_.in_process) {
      kill();
    } else if (!stopped_) {
      std::fflush(nullptr);
      _exit(1);  // its thread may be anywhere in the plugin, and can't be made to leave
    }
  }

  std::optional<std::string> load(Limit limit) {
    return await(loading, limit, [this] { return described_; });
  }
  std::optional<std::string> start(const std::string& config, Limit limit, const job::Strictness& strict) {
    std::string frame;
    wire::put_start(frame, {stage_.slots, stage_.log_level, true, config, true, strict});
    write(frame);
    return await(starting, limit, [this] { return ready_; });
  }
  std::optional<std::string> stop(Limit limit) {
    refusal_.clear();
    std::string frame;
    wire::put_stop(frame);
    write(frame);
    if (auto problem = await(stopping, limit, [this] { return stopped_; })) return problem;
    if (stage_.in_process) {
      thread_.join();
      return std::nullopt;
    }
    const Clock::time_point deadline = Clock::now() + limit;
    while (alive() && Clock::now() < deadline) pump(deadline, false);
    if (ending_ == fleet::describe_exit(0)) return std::nullopt;
    return failed(stopping, alive() ? "s process still runs after its shutdown" : "s process " + ending_);
  }

  const job::PluginSpec& spec() const { return spec_; }

  std::uint32_t send(const job::Job& job, std::size_t type_index) {
    const std::uint32_t ticket = next_ticket_;
    next_ticket_ = (next_ticket_ + 1) % wire::SharedPage::ticket_count;
    page_.ticket(ticket).cancel = 0;
    page_.ticket(ticket).state = wire::TicketState::queued;
    wire::JobOrder order;
    order.ticket = ticket;
    order.type_index = static_cast<std::uint32_t>(type_index);
    order.attempt = static_cast<std::uint32_t>(job.attempt);
    order.max_attempts = static_cast<std::uint32_t>(job.max_attempts);
    order.created_at_us = static_cast<std::int64_t>(job.created_at * 1e6);
    order.id = job.id;
    order.payload = job.payload;
    std::string frame;
    wire::put_jobs(frame, {order});
    write(frame);
    return ticket;
  }

  std::optional<Returned> next(Limit limit) {
    const Clock::time_point deadline = Clock::now() + limit;
    do {
      if (!returned_.empty()) {
        Returned first = std::move(returned_.front());
        returned_.pop_front();
        return first;
      }
      if (!alive()) return std::nullopt;
    } while (pump(deadline));
    return std::nullopt;
  }

  void cancel(std::uint32_t ticket) { page_.ticket(ticket).cancel = 1; }
  bool started(std::uint32_t ticket) const { return page_.ticket(ticket).state != wire::TicketState::queued; }

  void kill() {
    if (stage_.in_process || !alive()) return;
    fleet::kill_host(process_);
    reap();
  }
  bool alive() const { return ending_.empty(); }
  const std::string& ending() const { return ending_; }
  pid_t pid() const { return stage_.in_process ? getpid() : process_.pid; }

 private:
  void begin_process() {
    process_ = fleet::spawn_host(stage_.path, page_.fd());
    socket_ = std::move(process_.socket);
    streams_[0] = {"stdout", std::move(process_.out), {}};
    streams_[1] = {"stderr", std::move(process_.err), {}};
  }

  void begin_here() {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
      throw std::system_error(errno, std::generic_category(), "starting a plugin host in this process");
    }
    socket_.reset(ends[0]);
    fcntl(ends[0], F_SETFL, fcntl(ends[0], F_GETFL) | O_NONBLOCK);
    far_end_.reset(ends[1]);
    thread_ = base::Thread([this] {
      host::serve_plugin(far_end_.get(), wire::SharedPage::open(base::Descriptor(dup(page_.fd()))));
    });
  }

  /// Waits until `reached`. Otherwise returns what happened instead, and gives up the host.
  template <class Reached>
  std::optional<std::string> await(const Step& step, Limit limit, Reached reached) {
    const Clock::time_point deadline = Clock::now() + (stage_.in_process ? no_limit : limit);
    while (!reached() && refusal_.empty() && alive() && pump(deadline)) {
    }
    if (reached()) return std::nullopt;
    if (!refusal_.empty()) return refusal_;
    if (!alive()) return failed(step, "s process " + ending_ + " " + step.during);
    const bool late = Clock::now() >= deadline;
    kill();
    if (!late) return std::string("was interrupted");
    return failed(step, std::string(" did not ") + step.verb + " within " + base::format_duration(limit));
  }

  /// Reads what has come, or waits for it. Returns false if there is nothing more to wait for, because the
  /// time is over or we were woken.
  bool pump(Clock::time_point deadline, bool wakes = true) {
    std::array<pollfd, 4> fds{{{socket_.get(), POLLIN, 0},
                               {streams_[0].fd.get(), POLLIN, 0},
                               {streams_[1].fd.get(), POLLIN, 0},
                               {wakes ? stage_.wake_fd : -1, POLLIN, 0}}};
    const int count = poll(fds.data(), fds.size(), milliseconds_until(deadline));
    if (count < 0) return errno == EINTR;
    if (count == 0) return false;
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      if (fds[i + 1].revents != 0) read_printed(streams_[i]);
    }
    if (fds[0].revents != 0) read_frames();
    return fds[3].revents == 0;
  }

  void read_frames() {
    char* const room = reader_.room(read_size);
    const ssize_t size = ::read(socket_.get(), room, read_size);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) return reap();
    reader_.filled(static_cast<std::size_t>(size));
    try {
      while (const auto frame = reader_.next()) take(*frame);
    } catch (const wire::Malformed& error) {
      kill();
      ending_ = std::string("sent ") + error.what() + " and was killed";
    }
  }

  void take(const wire::Frame& frame) {
    switch (frame.kind) {
      case wire::Kind::described:
        spec_ = wire::get_described(frame.body);
        described_ = true;
        return;
      case wire::Kind::refused:
        refusal_ = wire::get_refused(frame.body);
        return;
      case wire::Kind::ready:
        ready_ = true;
        return;
      case wire::Kind::stopped:
        stopped_ = true;
        return;
      case wire::Kind::log: {
        wire::LogLine line = wire::get_log(frame.body);
        wire::keep_bounds(line);
        return witness_.logged(line);
      }
      case wire::Kind::progress:
        return witness_.progressed(wire::get_progress(frame.body));
      case wire::Kind::outcomes: {
        wire::JobResult result = wire::get_outcome(frame.body);
        wire::keep_bounds(result.outcome);
        returned_.push_back({result.ticket, std::move(result.outcome)});
        return;
      }
      default:
        return;
    }
  }

  void read_printed(Stream& stream) {
    std::array<char, 16 * 1024> buffer;
    const ssize_t size = ::read(stream.fd.get(), buffer.data(), buffer.size());
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    const auto lines =
        size > 0 ? stream.cutter.add({buffer.data(), static_cast<std::size_t>(size)}) : stream.cutter.rest();
    for (const std::string& line : lines) witness_.printed(stream.name, line);
    if (size <= 0) stream.fd.reset();
  }

  /// The process is gone, or about to end: its socket is closed.
  void reap() {
    if (!alive()) return;
    if (stage_.in_process) {
      ending_ = "closed its socket";
      return;
    }
    int status = 0;
    fleet::kill_host(process_);
    while (waitpid(process_.pid, &status, 0) < 0 && errno == EINTR) {
    }
    fleet::kill_leftovers(process_);
    ending_ = fleet::describe_exit(status);
    socket_.reset();
    for (Stream& stream : streams_) {
      while (stream.fd.open() && readable(stream.fd.get())) read_printed(stream);
    }
  }

  static bool readable(int fd) {
    pollfd one{fd, POLLIN, 0};
    return poll(&one, 1, 0) == 1;
  }

  void write(const std::string& bytes) {
    for (std::size_t at = 0; at < bytes.size() && socket_.open();) {
      const ssize_t size = ::send(socket_.get(), bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
      if (size >= 0) {
        at += static_cast<std::size_t>(size);
      } else if (errno == EAGAIN) {
        read_frames_until_writable();
      } else if (errno != EINTR) {
        return;  // it died, which the next wait will notice
      }
    }
  }

  void read_frames_until_writable() {
    pollfd one{socket_.get(), POLLIN | POLLOUT, 0};
    if (poll(&one, 1, -1) == 1 && (one.revents & POLLIN) != 0) read_frames();
  }

  const Stage stage_;
  Witness& witness_;
  wire::SharedPage page_ = wire::SharedPage::create();
  fleet::Spawned process_;
  base::Descriptor socket_;
  base::Descriptor far_end_;
  base::Thread thread_;
  std::array<Stream, 2> streams_{};
  wire::FrameReader reader_{wire::longest_plugin_frame};
  job::PluginSpec spec_;
  std::string refusal_;
  std::string ending_;
  bool described_ = false;
  bool ready_ = false;
  bool stopped_ = false;
  std::uint32_t next_ticket_ = 0;
  std::deque<Returned> returned_;
};

Rehearsal::Rehearsal(Stage stage, Witness& witness)
    : host_(std::make_unique<Host>(std::move(stage), witness)) {}
Rehearsal::~Rehearsal() = default;

std::optional<std::string> Rehearsal::load(Limit limit) {
  return host_->load(limit);
}
const job::PluginSpec& Rehearsal::spec() const {
  return host_->spec();
}
std::optional<std::string> Rehearsal::start(const std::string& config, Limit limit,
                                            const job::Strictness& strict) {
  return host_->start(config, limit, strict);
}
std::optional<std::string> Rehearsal::stop(Limit limit) {
  return host_->stop(limit);
}
std::uint32_t Rehearsal::send(const job::Job& job, std::size_t type_index) {
  return host_->send(job, type_index);
}
std::optional<Returned> Rehearsal::next(Limit limit) {
  return host_->next(limit);
}
void Rehearsal::cancel(std::uint32_t ticket) {
  host_->cancel(ticket);
}
bool Rehearsal::started(std::uint32_t ticket) const {
  return host_->started(ticket);
}
void Rehearsal::kill() {
  host_->kill();
}
bool Rehearsal::alive() const {
  return host_->alive();
}
const std::string& Rehearsal::ending() const {
  return host_->ending();
}
pid_t Rehearsal::pid() const {
  return host_->pid();
}

}  // namespace sluice::workshop
