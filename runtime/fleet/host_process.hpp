// One plugin host as the runtime sees it: the process, its socket, its output, and the jobs that it has. It
// lives on the event loop's thread and calls its listener there.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/threads.hpp"
#include "fleet/line_cutter.hpp"
#include "fleet/running_job.hpp"
#include "fleet/spawn.hpp"
#include "job/job.hpp"
#include "job/plugin_spec.hpp"
#include "wire/bounds.hpp"
#include "wire/frame.hpp"
#include "wire/shared_page.hpp"

namespace sluice::fleet {

/// The states of a plugin host, in order.
enum class HostState {
  loading,    ///< spawned, told to load the plugin
  described,  ///< loaded; waits for start
  starting,   ///< told to init
  ready,      ///< takes jobs
  stopping,   ///< told to stop: finishes started jobs
  gone,       ///< reaped
};
const char* name(HostState state);

/// Held by shared pointers, because handlers that are still queued in the event loop refer to it.
class HostProcess : public std::enable_shared_from_this<HostProcess> {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void on_described(HostProcess& host, job::PluginSpec spec) = 0;
    virtual void on_refused(HostProcess& host, const std::string& reason) = 0;
    virtual void on_ready(HostProcess& host) = 0;
    virtual void on_finished(std::vector<job::Finished> jobs) = 0;
    /// The process is gone, and everything that it sent has been read.
    virtual void on_ended(HostProcess& host) = 0;
  };

  /// `plugin_fd`: the file to load, if another file is at `path` by now; -1: load the one at `path`.
  HostProcess(boost::asio::io_context& loop, Listener& listener, const std::string& path, int plugin_fd = -1);
  ~HostProcess();
  /// Starts reading, and tells the host to load the plugin.
  void begin();

  /// Sends the jobs, for which there must be room(). Ready hosts only.
  void send(std::vector<job::Job> jobs, const std::vector<job::TypeSpec>& types);
  void start(const wire::Start& start);
  void stop();
  /// Takes back jobs that were sent at `latest` or before and have not started.
  std::vector<job::Finished> recall(base::Clock::time_point latest);
  /// Asks those of these jobs that the host has to stop. Such a job ends cancelled and is not tried again,
  /// unless its outcome is done.
  void cancel(const std::set<std::string>& ids);
  /// Asks every job of the host to stop.
  void cancel_all();
  /// Sends SIGKILL to it and its process group.
  void kill(const std::string& why);

  /// After waitpid: reads what it still sent, judges its jobs by the shared page, then tells the listener
  /// that it ended. `interrupted`: we made it die, so started jobs lose no attempt, except those that must
  /// not run twice.
  void reaped(int wait_status, bool interrupted);

  /// Adds those of its jobs that started at `latest` or before.
  void add_running(base::Clock::time_point latest, std::vector<RunningJob>& jobs) const;

  pid_t pid() const { return process_.pid; }
  HostState state() const { return state_; }
  std::size_t room() const { return free_tickets_.size(); }
  std::size_t in_flight() const { return wire::SharedPage::ticket_count - free_tickets_.size(); }
  const std::string& path() const { return path_; }
  /// Why it was killed, or how it ended; empty while it is alive.
  std::string ending() const { return ending_; }
  void set_name(std::string plugin) { plugin_ = std::move(plugin); }
  /// The database role that runs the effects of its jobs.
  void set_role(std::string role) { role_ = std::move(role); }
  void set_at_most_once(std::vector<bool> by_type) { at_most_once_ = std::move(by_type); }

 private:
  struct InFlight {
    job::Job job;
    std::uint32_t type_index = 0;
    base::Clock::time_point sent_at{};
    bool cancel_requested = false;
    bool recalled = false;  ///< the job has been taken back; the host has yet to answer
  };
  class Output;

  void write(std::string frames);
  void write_next();
  void read();
  void take_frames();
  void take_outcome(wire::JobResult result, std::vector<job::Finished>& finished);
  void take(const wire::Frame& frame, std::vector<job::Finished>& finished);
  void log_line(const wire::LogLine& line) const;
  job::Finished give_up(std::uint32_t ticket);
  job::Finished give_up(std::uint32_t ticket, job::Outcome outcome);
  job::Outcome judge(std::uint32_t ticket, bool interrupted) const;
  void end_when_read();
  void stop_waiting_when_all_read();

  Listener& listener_;
  const std::string path_;
  const bool kept_;  // it loads the descriptor that it got, not the file at the path
  std::string plugin_;
  std::string role_;
  std::vector<bool> at_most_once_;
  wire::SharedPage page_ = wire::SharedPage::create();
  Spawned process_;
  HostState state_ = HostState::loading;
  std::string ending_;
  bool reaped_ = false;
  bool read_all_ = false;
  bool interrupted_ = false;
  int open_streams_ = 2;  // stdout and stderr

  boost::asio::local::stream_protocol::socket socket_;
  std::unique_ptr<Output> out_;
  std::unique_ptr<Output> err_;
  boost::asio::steady_timer patience_;
  wire::FrameReader reader_{wire::longest_plugin_frame};
  std::string writing_;
  std::string to_write_;

  std::vector<InFlight> in_flight_;  // by ticket
  std::vector<std::uint32_t> free_tickets_;
};

}  // namespace sluice::fleet
