// One plugin host as the runtime sees it: its link, its state, and the jobs that it has. It lives on the
// event loop's thread and calls its listener there.
#pragma once

#include <sys/resource.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/threads.hpp"
#include "fleet/control_group.hpp"
#include "fleet/frame_names.hpp"
#include "fleet/host_gauge.hpp"
#include "fleet/host_limits.hpp"
#include "fleet/host_link.hpp"
#include "fleet/plugin_file.hpp"
#include "fleet/running_job.hpp"
#include "fleet/tickets.hpp"
#include "job/host_user.hpp"
#include "job/job.hpp"
#include "job/plugin_spec.hpp"
#include "wire/frame.hpp"
#include "wire/log_limit.hpp"
#include "wire/scrubber.hpp"

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

/// What a host gets before it loads its plugin, for its whole life.
struct HostRights {
  job::Sandbox sandbox;
  std::optional<job::HostUser> user;  ///< absent: the runtime's own
  job::HostLimits limits;             ///< if it has a user; else they come before the plugin's init
  bool operator==(const HostRights&) const = default;
};

/// Held by shared pointers, because handlers that are still queued in the event loop refer to it.
class HostProcess : public std::enable_shared_from_this<HostProcess>, private HostLink::Listener {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void on_described(HostProcess& host, job::PluginSpec spec) = 0;
    virtual void on_refused(HostProcess& host, const std::string& reason) = 0;
    virtual void on_ready(HostProcess& host) = 0;
    virtual void on_finished(HostProcess& host, std::vector<job::Finished> jobs) = 0;
    /// What a dead host left is about to be returned; it may be changed.
    virtual void on_judged(HostProcess& host, std::vector<Judged>& jobs) = 0;
    /// The process is gone, and everything that it sent has been read.
    virtual void on_ended(HostProcess& host) = 0;
  };

  /// `kept`: it loads the file itself, because another one is at its path by now; else the one at the path.
  HostProcess(boost::asio::io_context& loop, Listener& listener, const PluginFile& file, bool kept);
  /// The group in which it is, null if it has none. Before begin().
  void set_group(std::unique_ptr<ControlGroup> group) { group_ = std::move(group); }
  /// Starts reading, and tells the host to check the plugin's file and to load it with these rights. Throws
  /// std::runtime_error if the kernel refuses a limit.
  void begin(const HostRights& rights, base::Ownership ownership, int slots);

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
  /// Asks jobs that exceed their time limit, or that of processor time, to stop. Returns true if a job was
  /// asked to stop before `latest`, because it was overdue or by hand, and still runs.
  bool enforce_limits(base::Clock::time_point now, base::Clock::time_point latest);
  /// True if no other job has started.
  bool has_only_stuck_jobs(base::Clock::time_point latest) const {
    return tickets_.started() == tickets_.stuck(latest);
  }
  /// It was told to stop, and has had no job since `latest` or before, as far as the calls of this have seen.
  bool lingers(base::Clock::time_point latest);
  /// Asks the threads of jobs that did not stop for their stacks, which come before the next call or never.
  /// Returns false if none was asked.
  bool ask_for_stacks(base::Clock::time_point latest);
  /// Sends SIGKILL to it and its process group.
  void kill(const std::string& why);
  /// The same, because it exceeded a limit. Its started jobs are charged with that.
  void kill(const Excess& excess);
  /// Measures what it takes, or asks its control group. Returns the limit that it exceeds.
  std::optional<Excess> measure();
  /// The number of jobs whose handlers are running.
  std::size_t started() const { return tickets_.started(); }

  /// After waitpid: reads what it still sent, judges its jobs by the shared page, then tells the listener
  /// that it ended. `interrupted`: we made it die, so started jobs lose no attempt, except those that must
  /// not run twice.
  void reaped(int wait_status, const rusage& usage, bool interrupted);

  /// Adds those of its jobs that started at `latest` or before.
  void add_running(base::Clock::time_point latest, std::vector<RunningJob>& jobs) const;

  /// Sets what the kernel enforces, and what is to be watched. Throws std::runtime_error if the kernel
  /// refuses a limit.
  void limit(const job::HostLimits& limits, int slots);
  /// A control group enforces `memory` and `tasks`.
  bool is_enforced() const { return group_ && group_->enforces(); }
  const HostUsage& usage() const { return usage_; }
  /// Tells the file that it loaded from another one that took its place.
  std::string build() const { return version_ + ' ' + build_id_ + ' '; }
  /// Without its age.
  HostTotals totals() const;
  /// It was killed because it exceeded a limit.
  bool is_over_limit() const { return excess_.has_value(); }
  /// How many jobs have ended in it.
  std::int64_t jobs_ended() const { return jobs_ended_; }

  pid_t pid() const { return link_.pid(); }
  const HostRights& rights() const { return rights_; }
  HostState state() const { return state_; }
  std::size_t room() const { return tickets_.room(); }
  std::size_t in_flight() const { return tickets_.in_flight(); }
  const std::string& path() const { return path_; }
  /// Why it was killed, or how it ended; empty while it is alive.
  std::string ending() const { return ending_; }
  /// The id of the job whose handler ended the process; empty if that is not known.
  std::string culprit() const { return culprit_; }
  void set_plugin(const job::PluginSpec& spec);
  /// Whatever ends it is the fault of all jobs that run then, unless the culprit is known.
  void blame_all() { tickets_.blame_all(); }
  /// The database role that runs the effects of its jobs.
  void set_role(std::string role) { tickets_.set_role(std::move(role)); }
  void set_limits(std::vector<job::Microseconds> by_type) { tickets_.set_limits(std::move(by_type)); }
  void set_cpu_limits(std::vector<job::Microseconds> by_type) { tickets_.set_cpu_limits(std::move(by_type)); }
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
  void weigh_session();
  void tell_dropped();
  void log_line(const wire::LogLine& line) const;
  std::string scrubbed(std::string text) const;
  void give_back(std::vector<Judged> jobs);
  void return_with_stack(Judged job);
  void log_stack(const wire::Stack& stack);
  std::string heading(const wire::Stack& stack) const;
  void tell_facts();
  LoadedFile loaded_file() const { return {path_, file_fd_}; }
  void read_group(int wait_status);
  void end_when_read();

  Listener& listener_;
  boost::asio::io_context& loop_;
  const std::string path_;
  const int file_fd_;
  const bool kept_;  // it loads the descriptor that it got, not the file at the path
  std::string plugin_;
  std::string version_;
  std::string build_id_;
  HostRights rights_;
  Tickets tickets_;
  HostLink link_;
  wire::LogLimit log_limit_{wire::LogLimit::default_lines};
  wire::Scrubber scrubber_;
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
  std::optional<base::Clock::time_point> only_stops_since_;  // without a job
  std::string ending_;
  std::string culprit_;
  // From reaped() on.
  std::optional<double> cpu_seconds_;       // of the process and what it waited for, or of its group
  std::optional<std::int64_t> peak_bytes_;  // of its resident memory, or of its group's memory
  job::HostLimits limits_;
  std::optional<int> session_nice_;  // that the kernel has not taken yet
  std::unique_ptr<ControlGroup> group_;
  GroupEvents events_;
  HostGauge gauge_;
  HostUsage usage_;
  HostUsage usage_before_;
  std::optional<Excess> excess_;  // why it was killed
  std::int64_t jobs_ended_ = 0;
  bool reaped_ = false;
  bool interrupted_ = false;
};

}  // namespace sluice::fleet
