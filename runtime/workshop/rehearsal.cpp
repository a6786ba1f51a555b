#include "workshop/rehearsal.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstdio>
#include <deque>
#include <optional>
#include <system_error>
#include <utility>

#include "base/duration.hpp"
#include "base/refusal.hpp"
#include "base/threads.hpp"
#include "fleet/host_limits.hpp"
#include "fleet/host_link.hpp"
#include "fleet/missing_secret.hpp"
#include "fleet/orphans.hpp"
#include "fleet/spawn.hpp"
#include "host/plugin_host.hpp"
#include "wire/bounds.hpp"
#include "wire/descriptors.hpp"
#include "wire/scrubber.hpp"
#include "wire/shared_page.hpp"
#include "workshop/process.hpp"

namespace sluice::workshop {

namespace {

using Clock = base::Clock;

constexpr Limit no_limit = std::chrono::hours(24 * 365);

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

}  // namespace

class Rehearsal::Host : private fleet::HostLink::Listener {
 public:
  Host(Stage stage, Witness& witness)
      : stage_(std::move(stage)), witness_(witness), wake_(context_), process_(context_) {
    base::Descriptor copy;
    try {
      copy = vetted_copy();
    } catch (const base::Refusal& refusal) {
      refusal_ = refusal.what();
      ending_ = "was not started";
      stopped_ = true;
      return;
    }
    link_.emplace(context_,
                  stage_.in_process ? start_here() : fleet::spawn_host(stage_.path, page_.fd(), copy.get()));
    if (stage_.wake_fd >= 0) wake_.assign(fcntl(stage_.wake_fd, F_DUPFD_CLOEXEC, 0));
    link_->begin(self_);
    await_death();
    if (stage_.user) {
      if (auto refusal = limit(stage_.limits)) refusal_ = *refusal;
    }
    std::string frame;
    if (copy.open()) {
      wire::put_load(
          frame, {wire::plugin_fd_path, stage_.sandbox, base::Ownership::ignore, stage_.path, stage_.user});
    } else {
      wire::put_load(frame, {stage_.path, stage_.sandbox, stage_.trust.ownership, "", stage_.user});
    }
    link_->write(std::move(frame));
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  ~Host() override {
    if (!stage_.in_process) {
      kill();
    } else if (!stopped_) {
      std::fflush(nullptr);
      _exit(1);  // its thread may be anywhere in the plugin, and can't be made to leave
    }
  }

  std::optional<std::string> load(Limit limit) {
    if (!link_) return refusal_;
    return await(loading, limit, [this] { return described_; });
  }
  std::optional<std::string> limit(const job::HostLimits& limits) {
    if (stage_.in_process || limits == limits_) return std::nullopt;
    limits_ = limits;
    try {
      fleet::limit_host(link_->process(), limits, static_cast<int>(stage_.slots));
      return std::nullopt;
    } catch (const std::runtime_error& refusal) {
      return refusal.what();
    }
  }
  std::optional<std::string> start(const std::string& config, Limit limit, const job::Strictness& strict) {
    const job::GrantedSecrets secrets = stage_.secrets ? stage_.secrets(spec_.name) : job::GrantedSecrets{};
    if (secrets.missing) return fleet::refusal_words(*secrets.missing, spec_.name);
    scrubber_ = wire::Scrubber(secrets.values);
    std::string frame;
    wire::put_start(frame,
                    {stage_.slots, stage_.log_level, true, config, true, strict, 0, 0, secrets.values});
    link_->write(std::move(frame));
    return await(starting, limit, [this] { return ready_; });
  }
  std::optional<std::string> stop(Limit limit) {
    if (!link_) return std::nullopt;
    refusal_.clear();
    std::string frame;
    wire::put_stop(frame);
    link_->write(std::move(frame));
    if (auto problem = await(stopping, limit, [this] { return stopped_; })) return problem;
    if (stage_.in_process) {
      thread_.join();
      return std::nullopt;
    }
    const Clock::time_point deadline = Clock::now() + limit;
    while (alive() && pump(deadline)) {
    }
    if (ending_ == fleet::describe_exit(0)) return std::nullopt;
    return failed(stopping, alive() ? "s process still runs after its shutdown" : "s process " + ending_);
  }

  const job::PluginSpec& spec() const { return spec_; }
  const Stage& stage() const { return stage_; }

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
    link_->write(std::move(frame));
    return ticket;
  }

  std::optional<Returned> next(Limit limit) {
    const Clock::time_point deadline = Clock::now() + limit;
    do {
      if (!returned_.empty()) {
        read_what_has_come();
        Returned first = std::move(returned_.front());
        returned_.pop_front();
        return first;
      }
      if (!alive()) return std::nullopt;
    } while (pump_or_wake(deadline));
    return std::nullopt;
  }

  void cancel(std::uint32_t ticket) { page_.ticket(ticket).cancel = 1; }
  bool started(std::uint32_t ticket) const { return page_.ticket(ticket).state != wire::TicketState::queued; }

  void kill() {
    if (!stage_.in_process && alive()) reap();
  }
  bool alive() const { return ending_.empty(); }
  const std::string& ending() const { return ending_; }
  pid_t pid() const { return stage_.in_process ? getpid() : link_->pid(); }

 private:
  /// Of a file that a lock or a signature vouches for. A host in this process loads the file itself.
  base::Descriptor vetted_copy() const {
    const base::Descriptor file(open(stage_.path.c_str(), O_PATH | O_CLOEXEC));
    if (!file.open()) return {};
    base::Descriptor copy = trust::vet(stage_.trust, stage_.path, file.get());
    return stage_.in_process ? base::Descriptor() : std::move(copy);
  }

  /// Serves the plugin in a thread of this process, and returns our end of its socket.
  fleet::Spawned start_here() {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
      throw std::system_error(errno, std::generic_category(), "starting a plugin host in this process");
    }
    fleet::Spawned here;
    here.socket.reset(ends[0]);
    far_end_.reset(ends[1]);
    thread_ = base::Thread([this] {
      host::serve_plugin(far_end_.get(), wire::SharedPage::open(base::Descriptor(dup(page_.fd()))));
    });
    return here;
  }

  /// What it leaves behind may hold its socket open.
  void await_death() {
    if (stage_.in_process) return;
    const int handle = open_process(link_->pid());
    if (handle < 0) return;
    process_.assign(handle);
    process_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                        [this](const auto& error) { died_ = !error; });
  }

  /// Waits until `reached`. Otherwise returns what happened instead, and gives up the host.
  template <class Reached>
  std::optional<std::string> await(const Step& step, Limit limit, Reached reached) {
    const Clock::time_point deadline = Clock::now() + (stage_.in_process ? no_limit : limit);
    while (!reached() && refusal_.empty() && alive() && pump_or_wake(deadline)) {
    }
    read_what_has_come();
    if (reached()) return std::nullopt;
    if (!refusal_.empty()) return refusal_;
    if (!alive()) return failed(step, "s process " + ending_ + " " + step.during);
    const bool late = Clock::now() >= deadline;
    kill();
    if (!late) return std::string("was interrupted");
    return failed(step, std::string(" did not ") + step.verb + " within " + base::format_duration(limit));
  }

  /// Waits for one event. Returns false if the time is over.
  bool pump(Clock::time_point deadline) {
    context_.restart();
    const bool ran = context_.run_one_until(deadline) > 0;
    reap_if_lost();
    return ran;
  }
  /// The same, but returns false also if `wake_fd` is readable.
  bool pump_or_wake(Clock::time_point deadline) {
    if (wake_.is_open() && !std::exchange(awaits_wake_, true)) {
      wake_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](const auto& error) {
        awaits_wake_ = false;
        woken_ = !error;
      });
    }
    return pump(deadline) && !std::exchange(woken_, false);
  }
  /// What a plugin prints before its outcome comes by another way, and may be read later.
  void read_what_has_come() {
    context_.restart();
    context_.poll();
    reap_if_lost();
  }
  /// Not in a handler of the event loop, because reap() runs the loop.
  void reap_if_lost() {
    if ((link_->closed() || died_ || malformed_) && alive()) reap();
  }

  void on_frame(const wire::Frame& frame) override {
    switch (frame.kind) {
      case wire::Kind::described:
        spec_ = wire::get_described(frame.body);
        wire::keep_bounds(spec_);
        described_ = true;
        return;
      case wire::Kind::refused:
        refusal_ = wire::get_refused(frame.body);
        scrubber_.scrub(refusal_);
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
        scrubber_.scrub(line);
        return witness_.logged(line);
      }
      case wire::Kind::dropped:
        return;
      case wire::Kind::progress:
        return on_progress(wire::get_progress(frame.body));
      case wire::Kind::outcomes: {
        wire::JobResult result = wire::get_outcome(frame.body);
        wire::keep_bounds(result.outcome);
        fleet::name_limit(result.outcome, limits_);
        scrubber_.scrub(result.outcome);
        returned_.push_back({result.ticket, std::move(result.outcome)});
        return;
      }
      default:
        throw wire::Malformed("a frame that only the runtime sends");
    }
  }
  void on_malformed(const std::string& what) override { malformed_ = what; }
  void on_progress(wire::Progress progress) {
    scrubber_.scrub(progress.note);
    witness_.progressed(progress);
  }
  bool on_printed(const char* stream, const std::string& line) override {
    std::string scrubbed = line;
    scrubber_.scrub(scrubbed);
    witness_.printed(stream, scrubbed);
    return true;
  }
  void on_closed() override {}

  /// Kills the process, if it has not ended, waits for it, and reads the rest of what it printed.
  void reap() {
    if (stage_.in_process) {
      ending_ = malformed_ ? "sent " + *malformed_ : "closed its socket";
      return;
    }
    int status = 0;
    link_->kill();
    while (waitpid(link_->pid(), &status, 0) < 0 && errno == EINTR) {
    }
    link_->ended();
    constexpr std::chrono::seconds patience{2};
    fleet::end_all_orphans(patience);
    ending_ = fleet::describe_exit(status) + (malformed_ ? " (sent " + *malformed_ + ")" : "");
    context_.restart();
    while (!link_->all_read() && context_.run_one() > 0) {
    }
  }

  const Stage stage_;
  Witness& witness_;
  wire::SharedPage page_ = wire::SharedPage::create();
  base::Descriptor far_end_;
  base::Thread thread_;
  boost::asio::io_context context_{1};
  // Not an owner: this object outlives the link.
  const std::shared_ptr<fleet::HostLink::Listener> self_{static_cast<fleet::HostLink::Listener*>(this),
                                                         [](auto*) {}};
  std::optional<fleet::HostLink> link_;
  boost::asio::posix::stream_descriptor wake_;
  boost::asio::posix::stream_descriptor process_;  // becomes readable when the host has ended
  bool died_ = false;
  bool awaits_wake_ = false;
  bool woken_ = false;
  job::PluginSpec spec_;
  job::HostLimits limits_;
  wire::Scrubber scrubber_;
  std::optional<std::string> malformed_;
  std::string refusal_;
  std::string ending_;
  bool described_ = false;
  bool ready_ = false;
  bool stopped_ = false;
  std::uint32_t next_ticket_ = 0;
  std::deque<Returned> returned_;
};

Rehearsal::Rehearsal(Stage stage, Witness& witness)
    : witness_(witness), host_(std::make_unique<Host>(std::move(stage), witness)) {}
Rehearsal::~Rehearsal() = default;

std::optional<std::string> Rehearsal::load(Limit limit) {
  return host_->load(limit);
}
std::optional<std::string> Rehearsal::load_again(const job::Sandbox& sandbox,
                                                 const std::optional<job::HostUser>& user,
                                                 const job::HostLimits& limits, Limit limit) {
  Stage stage = host_->stage();
  if (stage.in_process) return std::nullopt;
  stage.sandbox = sandbox;
  stage.user = user;
  stage.limits = limits;
  host_ = std::make_unique<Host>(std::move(stage), witness_);
  return load(limit);
}
const job::PluginSpec& Rehearsal::spec() const {
  return host_->spec();
}
std::optional<std::string> Rehearsal::limit(const job::HostLimits& limits) {
  return host_->limit(limits);
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
