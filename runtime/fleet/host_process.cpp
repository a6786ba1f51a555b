#include "fleet/host_process.hpp"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <cmath>

#include "base/log.hpp"
#include "base/text.hpp"
#include "wire/descriptors.hpp"

namespace sluice::fleet {

namespace {

constexpr std::size_t read_size = 256 * 1024;

log::Level to_level(std::int32_t level) {
  return static_cast<log::Level>(std::clamp(level, 0, 4));
}

std::int64_t to_microseconds(double seconds) {
  constexpr double most = 9e12;  // seconds: later than any timestamp, and within int64 as µs
  if (std::isnan(seconds)) return 0;
  return std::llround(std::clamp(seconds, -most / 10, most / 10) * 1e6);
}

}  // namespace

const char* name(HostState state) {
  static constexpr std::array names{"loading", "described", "starting", "ready", "stopping", "gone"};
  return names.at(static_cast<std::size_t>(state));
}

/// Turns what the host prints on one of its descriptors into lines of our log.
class HostProcess::Output {
 public:
  Output(boost::asio::io_context& loop, base::Descriptor fd, const char* stream, const HostProcess& host)
      : descriptor_(loop, fd.release()), stream_(stream), host_(host) {}

  /// Reads to the end. `keep` keeps the host, and with it this object, alive until then.
  void read(std::shared_ptr<HostProcess> keep) {
    descriptor_.async_read_some(boost::asio::buffer(buffer_),
                                [this, keep = std::move(keep)](const auto& error, std::size_t size) {
                                  write(error ? cutter_.rest() : cutter_.add({buffer_.data(), size}));
                                  if (!error) return read(keep);
                                  --keep->open_streams_;
                                  keep->stop_waiting_when_all_read();
                                });
  }
  /// Stops reading a descriptor that a process which outlived the host holds open.
  void cancel() { descriptor_.cancel(); }

 private:
  void write(const std::vector<std::string>& lines) const {
    for (const std::string& line : lines) {
      log::info(line, {{"plugin", host_.plugin_}, {"stream", stream_}, {"pid", host_.pid()}});
    }
  }

  boost::asio::posix::stream_descriptor descriptor_;
  const char* stream_;
  const HostProcess& host_;
  LineCutter cutter_;
  std::array<char, 16 * 1024> buffer_{};
};

HostProcess::HostProcess(boost::asio::io_context& loop, Listener& listener, const std::string& path,
                         int plugin_fd)
    : listener_(listener),
      path_(path),
      kept_(plugin_fd >= 0),
      plugin_(path.substr(path.rfind('/') + 1)),
      process_(spawn_host(path, page_.fd(), plugin_fd)),
      socket_(loop, boost::asio::local::stream_protocol(), process_.socket.release()),
      out_(std::make_unique<Output>(loop, std::move(process_.out), "stdout", *this)),
      err_(std::make_unique<Output>(loop, std::move(process_.err), "stderr", *this)),
      patience_(loop),
      in_flight_(wire::SharedPage::ticket_count) {
  for (std::uint32_t ticket = wire::SharedPage::ticket_count; ticket > 0; --ticket) {
    free_tickets_.push_back(ticket - 1);
  }
}

HostProcess::~HostProcess() = default;

void HostProcess::begin() {
  out_->read(shared_from_this());
  err_->read(shared_from_this());
  read();
  std::string frame;
  wire::put_load(frame, {kept_ ? wire::plugin_fd_path : path_});
  write(std::move(frame));
}

void HostProcess::start(const wire::Start& start) {
  state_ = HostState::starting;
  std::string frame;
  wire::put_start(frame, start);
  write(std::move(frame));
}

void HostProcess::stop() {
  if (state_ == HostState::stopping || state_ == HostState::gone) return;
  state_ = HostState::stopping;
  std::string frame;
  wire::put_stop(frame);
  write(std::move(frame));
}

void HostProcess::send(std::vector<job::Job> jobs, const std::vector<job::TypeSpec>& types) {
  std::vector<wire::JobOrder> orders;
  orders.reserve(jobs.size());
  for (job::Job& job : jobs) {
    const std::uint32_t ticket = free_tickets_.back();
    free_tickets_.pop_back();
    const auto type =
        std::find_if(types.begin(), types.end(), [&](const auto& t) { return t.name == job.type; });
    page_.ticket(ticket).cancel = 0;
    page_.ticket(ticket).state = wire::TicketState::queued;
    orders.push_back({ticket, static_cast<std::uint32_t>(type - types.begin()),
                      static_cast<std::uint32_t>(job.attempt), static_cast<std::uint32_t>(job.max_attempts),
                      to_microseconds(job.created_at), 0, job.id, job.payload});
  }
  std::string frames;
  wire::put_jobs(frames, orders);
  write(std::move(frames));
  const auto now = base::Clock::now();
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    jobs[i].payload = {};
    in_flight_[orders[i].ticket] = {std::move(jobs[i]), orders[i].type_index, now};
  }
}

std::vector<job::Finished> HostProcess::recall(base::Clock::time_point latest) {
  std::vector<job::Finished> recalled;
  if (state_ != HostState::ready) return recalled;
  for (std::uint32_t ticket = 0; ticket < in_flight_.size(); ++ticket) {
    InFlight& flight = in_flight_[ticket];
    if (flight.job.claim == 0 || flight.sent_at > latest) continue;
    auto queued = wire::TicketState::queued;
    if (!page_.ticket(ticket).state.compare_exchange_strong(queued, wire::TicketState::recalled)) continue;
    recalled.push_back({std::exchange(flight.job, {}), {}, {}});
    recalled.back().outcome.result = job::Result::released;
    flight.recalled = true;
  }
  return recalled;
}

void HostProcess::write(std::string frames) {
  if (to_write_.empty()) {
    to_write_ = std::move(frames);
  } else {
    to_write_ += frames;
  }
  if (writing_.empty()) write_next();
}

void HostProcess::write_next() {
  if (to_write_.empty() || !socket_.is_open()) return;
  writing_ = std::exchange(to_write_, {});
  boost::asio::async_write(socket_, boost::asio::buffer(writing_),
                           [this, keep = shared_from_this()](const auto& error, std::size_t) {
                             if (error) return;  // it died, which SIGCHLD reports
                             writing_.clear();
                             write_next();
                           });
}

void HostProcess::read() {
  char* const room = reader_.room(read_size);
  socket_.async_read_some(boost::asio::buffer(room, read_size),
                          [this, keep = shared_from_this()](const auto& error, std::size_t size) {
                            if (error) {
                              read_all_ = true;
                              return end_when_read();
                            }
                            reader_.filled(size);
                            take_frames();
                            read();
                          });
}

void HostProcess::take_frames() {
  std::vector<job::Finished> finished;
  try {
    while (const auto frame = reader_.next()) take(*frame, finished);
  } catch (const wire::Malformed& error) {
    kill(std::string("sent ") + error.what());
  }
  if (!finished.empty()) listener_.on_finished(std::move(finished));
}

void HostProcess::take_outcome(wire::JobResult result, std::vector<job::Finished>& finished) {
  if (result.ticket < in_flight_.size() && in_flight_[result.ticket].recalled) {
    give_up(result.ticket);
    return;
  }
  if (result.ticket >= in_flight_.size() || in_flight_[result.ticket].job.claim == 0) {
    throw wire::Malformed("an outcome for a job that it does not have");
  }
  const bool asked = page_.ticket(result.ticket).cancel != 0;
  if (asked && result.outcome.result == job::Result::cancelled) {
    const auto duration = result.outcome.duration;
    result.outcome = {};
    result.outcome.result = job::Result::released;
    result.outcome.duration = duration;
  }
  wire::keep_bounds(result.outcome);
  finished.push_back(give_up(result.ticket, std::move(result.outcome)));
}

void HostProcess::take(const wire::Frame& frame, std::vector<job::Finished>& finished) {
  switch (frame.kind) {
    case wire::Kind::outcomes:
      return take_outcome(wire::get_outcome(frame.body), finished);
    case wire::Kind::log: {
      wire::LogLine line = wire::get_log(frame.body);
      wire::keep_bounds(line);
      return log_line(line);
    }
    case wire::Kind::described:
      state_ = HostState::described;
      return listener_.on_described(*this, wire::get_described(frame.body));
    case wire::Kind::refused:
      return listener_.on_refused(
          *this, base::valid_utf8(base::shortened(wire::get_refused(frame.body), wire::longest_error)));
    case wire::Kind::ready:
      if (state_ == HostState::starting) state_ = HostState::ready;
      return listener_.on_ready(*this);
    case wire::Kind::stopped:
      return;
    default:
      throw wire::Malformed("a frame that only the runtime sends");
  }
}

void HostProcess::log_line(const wire::LogLine& line) const {
  std::vector<log::Field> fields{{"plugin", plugin_}};
  if (line.ticket >= 0 && static_cast<std::size_t>(line.ticket) < in_flight_.size()) {
    const job::Job& job = in_flight_[static_cast<std::size_t>(line.ticket)].job;
    fields.insert(fields.end(), {{"job", job.id}, {"type", job.type}, {"attempt", job.attempt}});
  }
  for (const auto& field : line.fields) {
    fields.push_back(field.json ? log::Field::of_json(field.key, field.value)
                                : log::Field(field.key, field.value));
  }
  log::write(to_level(line.level), line.message, fields);
}

/// Removes the job of `ticket`; the ticket is free again.
job::Finished HostProcess::give_up(std::uint32_t ticket) {
  page_.ticket(ticket).state = wire::TicketState::idle;
  free_tickets_.push_back(ticket);
  return {std::exchange(in_flight_[ticket], {}).job, {}, {}, pid()};
}

/// The same, with its outcome. A job that was to be cancelled ends cancelled unless it is done.
job::Finished HostProcess::give_up(std::uint32_t ticket, job::Outcome outcome) {
  if (in_flight_[ticket].cancel_requested && outcome.result != job::Result::done) {
    outcome.cancel_requested = true;
    outcome.result = job::Result::cancelled;
    outcome.code = "cancelled-by-hand";
    outcome.error = "cancelled by hand while a runtime had it" +
                    (outcome.error.empty() ? "" : "; its handler ended with: " + outcome.error);
  }
  job::Finished finished = give_up(ticket);
  if (!outcome.effects.empty()) finished.role = role_;
  finished.outcome = std::move(outcome);
  return finished;
}

/// If a slot still names a ticket whose outcome was read, the ticket is idle or queued by now.
void HostProcess::add_running(base::Clock::time_point latest, std::vector<RunningJob>& jobs) const {
  for (std::uint32_t slot = 0; slot < wire::SharedPage::slot_count; ++slot) {
    const std::int64_t number = page_.slot(slot).ticket;
    const base::Clock::time_point started(std::chrono::microseconds(page_.slot(slot).started_us));
    if (number < 0 || number >= wire::SharedPage::ticket_count || started > latest) continue;
    const auto ticket = static_cast<std::uint32_t>(number);
    const job::Job& job = in_flight_[ticket].job;
    if (job.claim == 0 || page_.ticket(ticket).state != wire::TicketState::started) continue;
    jobs.push_back({job, job.pump, plugin_, pid(), started, {}, {}});
    const auto progress = page_.progress(slot).read(ticket);
    if (!progress) continue;
    jobs.back().fraction = progress->fraction;
    jobs.back().note = progress->note;
  }
}

void HostProcess::cancel(const std::set<std::string>& ids) {
  for (std::uint32_t ticket = 0; ticket < in_flight_.size(); ++ticket) {
    InFlight& flight = in_flight_[ticket];
    if (flight.job.claim == 0 || flight.cancel_requested || !ids.contains(flight.job.id)) continue;
    flight.cancel_requested = true;
    page_.ticket(ticket).cancel = 1;
    log::info("asked a job to stop, because somebody requested its cancellation",
              {{"plugin", plugin_}, {"job", flight.job.id}, {"type", flight.job.type}});
  }
}

void HostProcess::cancel_all() {
  for (std::uint32_t ticket = 0; ticket < in_flight_.size(); ++ticket) {
    if (in_flight_[ticket].job.claim != 0) page_.ticket(ticket).cancel = 1;
  }
}

void HostProcess::kill(const std::string& why) {
  if (reaped_) return;
  if (ending_.empty()) ending_ = why;
  kill_host(process_);
}

job::Outcome HostProcess::judge(std::uint32_t ticket, bool interrupted) const {
  job::Outcome outcome;
  const wire::TicketState state = page_.ticket(ticket).state;
  const InFlight& flight = in_flight_[ticket];
  if (state == wire::TicketState::done) return outcome;
  outcome.result = job::Result::released;
  if (state == wire::TicketState::queued) return outcome;
  const bool repeatable = flight.type_index >= at_most_once_.size() || !at_most_once_[flight.type_index];
  if (interrupted && repeatable && state == wire::TicketState::started) return outcome;
  outcome.result = job::Result::crashed;
  outcome.code = "host-died";
  outcome.error =
      "the plugin host " + ending_ +
      (state == wire::TicketState::started ? " while this job ran"
                                           : " after this job ended and before its outcome was read");
  return outcome;
}

void HostProcess::reaped(int wait_status, bool interrupted) {
  reaped_ = true;
  interrupted_ = interrupted;
  ending_ = describe_exit(wait_status) + (ending_.empty() ? "" : " (" + ending_ + ")");
  kill_leftovers(process_);  // processes that the plugin started must not outlive it
  constexpr std::chrono::seconds for_stragglers{2};
  patience_.expires_after(for_stragglers);
  patience_.async_wait([this, keep = shared_from_this()](const auto& error) {
    if (error) return;
    socket_.cancel();
    out_->cancel();
    err_->cancel();
  });
  end_when_read();
}

void HostProcess::end_when_read() {
  if (!reaped_ || !read_all_ || state_ == HostState::gone) return;
  state_ = HostState::gone;
  std::vector<job::Finished> finished;
  for (std::uint32_t ticket = 0; ticket < in_flight_.size(); ++ticket) {
    if (in_flight_[ticket].job.claim == 0) continue;
    job::Outcome outcome = judge(ticket, interrupted_);
    finished.push_back(give_up(ticket, std::move(outcome)));
  }
  if (!finished.empty()) listener_.on_finished(std::move(finished));
  listener_.on_ended(*this);
  stop_waiting_when_all_read();
}

void HostProcess::stop_waiting_when_all_read() {
  if (state_ == HostState::gone && open_streams_ == 0) patience_.cancel();
}

}  // namespace sluice::fleet
