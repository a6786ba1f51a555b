// One plugin host as the runtime sees it: its link, its state, and the jobs that it has. It lives on the
// event loop's thread and calls its listener there.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/threads.hpp"
#include "fleet/host_link.hpp"
#include "fleet/running_job.hpp"
#include "fleet/tickets.hpp"
#include "job/job.hpp"
#include "job/plugin_spec.hpp"
#include "wire/frame.hpp"
#include "wire/log_limit.hpp"

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
class HostProcess : public std::enable_shared_from_this<HostProcess>, private HostLink::Listener {
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
  void cancel_all() { tickets_.cancel_all(); }
  /// Asks jobs that exceed their time limit to stop. Returns true if a job was asked to stop before `latest`,
  /// because it was overdue or by hand, and still runs.
  bool enforce_limits(base::Clock::time_point now, base::Clock::time_point latest);
  /// True if no other job has started.
  bool has_only_stuck_jobs(base::Clock::time_point latest) const {
    return tickets_.started() == tickets_.stuck(latest);
  }
  /// Sends SIGKILL to it and its process group.
  void kill(const std::string& why);

  /// After waitpid: reads what it still sent, judges its jobs by the shared page, then tells the listener
  /// that it ended. `interrupted`: we made it die, so started jobs lose no attempt, except those that must
  /// not run twice.
  void reaped(int wait_status, bool interrupted);

  /// Adds those of its jobs that started at `latest` or before.
  void add_running(base::Clock::time_point latest, std::vector<RunningJob>& jobs) const;

  pid_t pid() const { return link_.pid(); }
  HostState state() const { return state_; }
  std::size_t room() const { return tickets_.room(); }
  std::size_t in_flight() const { return tickets_.in_flight(); }
  const std::string& path() const { return path_; }
  /// Why it was killed, or how it ended; empty while it is alive.
  std::string ending() const { return ending_; }
  /// The id of the job whose handler ended the process; empty if that is not known.
  std::string culprit() const { return culprit_; }
  void set_name(std::string plugin) { plugin_ = std::move(plugin); }
  /// The database role that runs the effects of its jobs.
  void set_role(std::string role) { tickets_.set_role(std::move(role)); }
  void set_limits(std::vector<job::Microseconds> by_type) { tickets_.set_limits(std::move(by_type)); }
  void set_at_most_once(std::vector<bool> by_type) { tickets_.set_at_most_once(std::move(by_type)); }

 private:
  // HostLink::Listener
  void on_frame(const wire::Frame& frame) override;
  bool on_frames_read() override;
  void on_malformed(const std::string& what) override { kill("sent " + what); }
  bool on_printed(const char* stream, const std::string& line) override;
  void on_closed() override;

  void on_outcome(wire::JobResult result);
  void on_log(std::string_view body);
  void on_dropped(std::uint64_t lines);
  void tell_dropped();
  void log_line(const wire::LogLine& line) const;
  void end_when_read();

  Listener& listener_;
  const std::string path_;
  const bool kept_;  // it loads the descriptor that it got, not the file at the path
  std::string plugin_;
  Tickets tickets_;
  HostLink link_;
  wire::LogLimit log_limit_{wire::LogLimit::default_lines};
  std::uint64_t dropped_ = 0;         // log lines, since the log last said so
  std::size_t dropped_in_batch_ = 0;  // frames
  boost::asio::steady_timer tell_dropped_soon_;
  boost::asio::steady_timer goodbye_;    // when a host that closed its socket must have ended
  std::vector<job::Finished> finished_;  // read, and not passed on yet
  HostState state_ = HostState::loading;
  // Answers that it owes. Any other is out of turn.
  bool owes_description_ = false;
  bool owes_start_ = false;
  bool owes_stop_ = false;
  std::string ending_;
  std::string culprit_;
  bool reaped_ = false;
  bool interrupted_ = false;
};

}  // namespace sluice::fleet
