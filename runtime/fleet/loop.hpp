// The fleet's event loop and everything that it owns: the hosts, the editions of each plugin file, the
// present round. It has five sources: loop.cpp (signals, jobs, rounds, stopping), hosting.cpp (the life of a
// host), solitary.cpp (jobs that run alone), recycling.cpp (limits, and hosts that others relieve) and
// canaries.cpp. For
// the loop's thread alone.
#pragma once

#include <sys/resource.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <set>

#include "base/threads.hpp"
#include "fleet/conflict.hpp"
#include "fleet/delivery_order.hpp"
#include "fleet/fleet.hpp"
#include "fleet/host_process.hpp"
#include "fleet/plugin_file.hpp"
#include "fleet/reload_inbox.hpp"
#include "fleet/restart_policy.hpp"
#include "fleet/supervision.hpp"
#include "fleet/suspects.hpp"

namespace sluice::fleet {

namespace asio = boost::asio;
using Clock = base::Clock;

class Fleet::Loop : public HostProcess::Listener {
 public:
  Loop(Options options, fleet::Listener& listener);
  ~Loop() override;

  void take_signals();
  void load(const std::vector<std::string>& files);
  void reload(const std::vector<std::string>& files, std::map<std::string, std::string> owners,
              const std::optional<CanaryPlan>& plan);
  bool decide_canaries(bool promote);
  bool forgive();
  std::string roll_back();
  std::string canary_words() const;
  void run() { context_.run(); }
  void deliver(std::vector<job::Job> jobs);
  std::vector<job::Finished> recall(std::chrono::microseconds waited);
  void cancel(const std::set<std::string>& ids);
  void enforce_limits();
  void every(std::function<std::chrono::milliseconds()> pause, std::function<void()> step);
  void after(std::chrono::milliseconds delay, std::function<void()> step);
  void stop(std::chrono::microseconds patience);
  void kill_all(const std::string& why);
  void release();

  asio::io_context& context() { return context_; }
  const std::vector<Plugin>& plugins() const { return plugins_; }
  std::vector<RunningJob> running(std::chrono::microseconds at_least) const;
  bool is_round_over() const { return first_round_over_ && !round_; }
  const std::vector<Change>& changes() const { return changes_; }
  std::map<std::string, int> hosts(std::size_t plugin) const;
  HostTotals host_totals(std::size_t plugin) const;
  std::vector<HostFigures> host_figures(std::size_t plugin) const;

 private:
  /// One version of a plugin's file, with its settings.
  struct Edition {
    std::size_t plugin = 0;
    PluginFile file;
    PluginState state = PluginState::loading;
    std::string reason;
    job::PluginSpec spec;
    HostSettings settings;
    int ready_hosts = 0;
    int restarts = 0;
    int generation = 0;
    std::string digest;
    base::WallClock::time_point loaded_at;
    bool retired = false;  ///< gets no more jobs, and is removed with its last host
    std::unique_ptr<asio::steady_timer> patience;
    struct Waiting {
      job::Job job;
      Clock::time_point since;
    };
    std::deque<Waiting> waiting_alone;   ///< for a solitary host
    bool can_run_alone = true;           ///< false: a solitary host did not start
    std::map<std::string, int> crashes;  ///< by the build of the file and the stack's signature

    bool usable() const { return state == PluginState::ready || state == PluginState::restarting; }
    bool given_up() const {
      return state == PluginState::refused || state == PluginState::broken || state == PluginState::disabled;
    }
  };
  /// The file that has taken the place of an edition's own, from which a host was started.
  struct Fallback {
    PluginFile file;
    std::optional<job::PluginSpec> spec;  ///< once the host has described it
  };
  /// One host of an edition, and its history.
  struct Seat {
    Edition* edition = nullptr;
    std::shared_ptr<HostProcess> host;  // shared with its handlers in the event loop
    std::optional<Fallback> fallback;   ///< of its host
    std::unique_ptr<asio::steady_timer> timer;
    ExitHistory history;
    Clock::time_point ready_since{};
    bool was_ready = false;
    bool tried = false;              ///< its first host became ready or ended
    bool cut_short = false;          ///< we killed it, so its jobs lose no attempt
    bool loads_again = false;        ///< its host has other rights than its own, and another one follows
    bool solitary = false;           ///< its host runs one suspect at a time
    bool replaced = false;           ///< gets no more jobs, because another host serves instead
    bool recycled = false;           ///< replaced by relieve(), so its jobs may take their time
    std::weak_ptr<Seat> relieves;    ///< the seat whose place its host takes when it is ready
    std::string reason;              ///< why
    Clock::time_point keep_until{};  ///< is not recycled before that
  };
  /// A new version that has a share of the jobs.
  struct CanaryRun {
    std::unique_ptr<Edition> edition;
    Canary canary;
    DeliveryOrder order;
    std::unique_ptr<asio::steady_timer> timer;
    std::optional<Canary::Decision> decision;  ///< carried out when no round is under way
    Clock::time_point report_at;               ///< when its words are made anew
    std::string words;
  };
  struct WentBack {
    PluginFile file;
    HostSettings settings;
    std::string reason;
    bool by_rollback = false;  ///< so the settings are not at fault
  };
  /// What serves of a plugin file.
  struct Place {
    std::unique_ptr<Edition> present;   ///< at work, or given up; null before the first round is over
    std::shared_ptr<CanaryRun> canary;  ///< only while the present edition is there; shared with its timer
    std::unique_ptr<WentBack> went_back;
    std::optional<PluginFile> former;  ///< which the last reload that replaced any file replaced
    int generation = 0;                ///< of the last edition that took over
  };
  class Round;

  // HostProcess::Listener
  void on_described(HostProcess& host, job::PluginSpec spec) override;
  void on_refused(HostProcess& host, const std::string& reason) override;
  void on_ready(HostProcess& host) override;
  void on_finished(HostProcess& host, std::vector<job::Finished> jobs) override;
  void on_judged(HostProcess& host, std::vector<Judged>& jobs) override;
  void on_ended(HostProcess& host) override;

  // loop.cpp
  void wait_stop_signal();
  void wait_reload_signal();
  void wait_child_signal();
  struct EndedHost {
    std::shared_ptr<Seat> seat;
    std::shared_ptr<HostProcess> host;
    int status = 0;
    rusage usage{};
  };
  /// Those that have died since the last call. They must be buried.
  std::vector<EndedHost> ended_hosts() const;
  void bury(const std::vector<EndedHost>& ended);
  void reap_orphans();
  void give_up_orphans_later();
  void give(std::size_t plugin, std::vector<job::Job> jobs);
  void give(Edition& edition, std::vector<job::Job> jobs);
  void bounce(std::vector<job::Job> jobs);
  static std::vector<job::Finished> unstarted(std::vector<job::Job> jobs, const job::Outcome& outcome);
  static std::vector<job::Finished> released(std::vector<job::Job> jobs);
  void warn_of_group(const std::string& path);
  std::size_t index_of(const std::string& path);
  bool wants_trial(const Place& place) const;
  bool wants_kept(const Place& place) const;
  bool is_candidate(const Edition& edition) const;
  void advance_soon();
  void show(std::size_t plugin);
  int ready_slots(const Edition& edition) const;
  bool are_limits_enforced(const Edition& edition) const;
  void tell(const Edition& edition);
  void finish_when_empty();

  // hosting.cpp
  Standing standing_of(const Edition& edition) const;
  void learn(Edition& edition, job::PluginSpec spec);
  void compare(Seat& seat, const job::PluginSpec& spec);
  enum class SeatKind { ordinary, solitary };
  std::shared_ptr<Seat> seat_and_spawn(Edition& edition, SeatKind kind = SeatKind::ordinary,
                                       const std::shared_ptr<Seat>& relieved = nullptr);
  void spawn(const std::shared_ptr<Seat>& seat);
  bool starts_from_own(const Seat& seat) const;
  void adopt_fallback(Edition& edition);
  void limit_start(const std::shared_ptr<Seat>& seat, const char* doing);
  void start(Seat& seat);
  void load_again(Seat& seat);
  HostRights rights_to_load(const Edition& edition) const;
  static int slots_of(const Seat& seat);
  void refuse(Edition& edition, PluginState state, const std::string& reason);
  void replace(Seat& seat);
  void limit_replaced(const Edition& edition);
  void restart_later(const std::shared_ptr<Seat>& seat);
  void retire(std::unique_ptr<Edition> edition);
  void cut_short(const std::shared_ptr<Edition>& edition);
  void sweep_soon();
  void sweep();
  std::shared_ptr<Seat> seat_of(const HostProcess& host) const;
  std::vector<std::shared_ptr<Seat>> seats_of(const Edition& edition) const;

  // solitary.cpp
  void clear_suspects(const std::vector<job::Finished>& jobs);
  std::vector<job::Job> take_suspects(const Edition& edition, std::vector<job::Job>& jobs) const;
  void run_alone(Edition& edition, std::vector<job::Job> jobs);
  std::vector<std::shared_ptr<Seat>> solitary_seats(const Edition& edition) const;
  void serve_alone(Edition& edition);
  static void serve_alone(Seat& seat);
  void serve_all_alone();
  std::vector<job::Finished> recall_waiting(Clock::time_point latest);
  void end_solitary(const std::shared_ptr<Seat>& seat);
  void give_up_solitude(Edition& edition);
  void bounce_waiting(Edition& edition);

  // recycling.cpp
  void watch_soon();
  void watch();
  void watch(const std::shared_ptr<Seat>& seat);
  std::optional<std::string> recycle_reason_of(const Seat& seat) const;
  bool may_recycle(const Seat& seat) const;
  void recycle(const std::shared_ptr<Seat>& seat, const std::string& reason);
  void relieve(Seat& seat);
  bool give_up_relief(Seat& seat, const std::string& why);
  void dismiss(Seat& seat);
  std::shared_ptr<Seat> relief_of(const Seat& seat) const;

  // canaries.cpp
  bool may_be_canary(std::size_t plugin, const Edition& candidate) const;
  void begin_canary(std::size_t plugin, std::unique_ptr<Edition> candidate, const CanaryPlan& plan);
  void watch_canary(std::size_t plugin);
  void report_canary(std::size_t plugin);
  void judge_canary(std::size_t plugin);
  void promote_canary(std::size_t plugin, const std::string& why);
  static std::string untried_words(const PluginFile& file);
  void end_canary(std::size_t plugin, const std::string& why);
  static std::vector<job::Job> take_canary_jobs(const Place& place, std::vector<job::Job>& jobs);
  static void settle(CanaryRun& run, Clock::time_point latest);
  std::optional<Canary::Arm> arm_of(const Edition& edition) const;
  void count_for_canary(const Edition& edition, const std::vector<job::Finished>& jobs);
  void count_crash_for_canary(const Edition& edition);
  bool guards(const Edition& edition) const;
  int started(const Edition& edition) const;
  bool has_gone_back(const Place& place) const;

  const Options options_;
  fleet::Listener& listener_;
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::vector<Plugin> plugins_;                      // the public view of places_
  std::map<std::size_t, double> ended_cpu_seconds_;  // of hosts that have ended, by plugin
  std::vector<Place> places_;
  std::vector<std::shared_ptr<Edition>> retired_;  // shared for the same reason as the seats
  std::vector<std::shared_ptr<Seat>> seats_;       // shared with timers' handlers, which may outlive a seat
  std::map<std::string, std::size_t> routes_;      // job type → plugin that serves it
  std::map<std::string, std::string> owners_;
  Suspects suspects_;
  std::set<std::string> warned_of_;  // paths that a group may write to
  std::unique_ptr<Round> round_;
  std::vector<Change> changes_;
  std::unique_ptr<asio::signal_set> stop_signals_;
  std::unique_ptr<asio::signal_set> reload_signals_;
  std::unique_ptr<asio::signal_set> child_signals_;
  std::unique_ptr<ReloadInbox> reload_inbox_;
  std::unique_ptr<asio::steady_timer> stop_timer_;
  std::unique_ptr<asio::steady_timer> watch_timer_;  // null while no host is watched
  std::unique_ptr<asio::steady_timer> orphans_timer_;
  std::vector<std::unique_ptr<asio::steady_timer>> tickers_;
  std::string orphans_of_;                     // the plugin whose host ended last
  std::size_t orphans_at_ = 0;                 // its number
  std::map<std::size_t, int> killed_orphans_;  // in all, by plugin
  std::string orphan_;                         // one of those that were killed since the log last said so
  int orphans_killed_ = 0;                     // since then
  int orphans_left_ = 0;                       // that were killed and have not ended
  bool gave_up_orphans_ = false;
  const bool had_terminal_;
  bool first_round_over_ = false;
  bool stopping_ = false;
  bool released_ = false;
  bool over_ = false;  // run() is about to return
  int signals_ = 0;
};

}  // namespace sluice::fleet
