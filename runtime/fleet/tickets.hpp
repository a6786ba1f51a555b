// The jobs that one plugin host has, by ticket, and what becomes of them: decisions by the frames that the
// host sent and by the shared page, without any I/O.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/threads.hpp"
#include "fleet/running_job.hpp"
#include "job/job.hpp"
#include "job/plugin_spec.hpp"
#include "wire/frame.hpp"
#include "wire/log_tail.hpp"
#include "wire/shared_page.hpp"

namespace sluice::fleet {

/// The code of a job whose host died.
inline constexpr const char* crash_code = "host-died";
/// Of a job that is not tried again, because its handler crashes again and again.
inline constexpr const char* poison_code = "poison";

/// A job that a dead host has left.
struct Judged {
  job::Finished finished;
  std::optional<wire::Stack> stack;  ///< of its thread, if that wrote one
  bool suspect = false;              ///< it ended the process, or may have
};

/// A job that used more processor time than its type allows, and the figures, "used 10.3 s of CPU, its limit
/// is 10 s".
struct Overdrawn {
  job::Ref job;
  std::string words;
};

class Tickets {
 public:
  Tickets();

  /// Gives each job a ticket, for which there must be room(), and returns the frames that send them. `types`:
  /// the plugin's, which contain the jobs' types.
  std::string hand_out(std::vector<job::Job> jobs, const std::vector<job::TypeSpec>& types);
  /// The job with its outcome; nullopt if it was recalled before. Throws wire::Malformed if the host does not
  /// have such a job.
  std::optional<job::Finished> take_back(wire::JobResult result);
  /// Takes back jobs that were sent at `latest` or before and have not started.
  std::vector<job::Finished> recall(base::Clock::time_point latest);
  /// Judges the jobs that a dead host has left, by the shared page. `ending`: how it died. `interrupted`: we
  /// made it die, so started jobs lose no attempt, except those that must not run twice. If the culprit is
  /// known, the same holds for all others. If it is not known, it holds for all, unless blame_all().
  /// `limit`: the code of the limit that the host exceeded, if that is why it was killed; then the culprit is
  /// known only if one job had started.
  /// Their attempts have the last lines of note() and the last progress report.
  std::vector<Judged> judge_all(const std::string& ending, bool interrupted, const std::string& limit = "");
  /// A job's handler logged this.
  void note(const wire::LogLine& line);
  /// The host printed this. It is kept for the job that ends the host, if it began before.
  void note_printed(const char* stream, const std::string& line);
  /// Clears the cells for the stacks of jobs that were asked to stop before `latest` and still run, and
  /// returns their threads, each once.
  std::vector<pid_t> threads_to_ask(base::Clock::time_point latest);
  /// The stack of a thread without a job that ended the process.
  std::optional<wire::Stack> stack_without_job() const;

  /// Asks those of these jobs that the host has to stop, and returns them. Such a job ends cancelled and is
  /// not tried again, unless its outcome is done.
  std::vector<job::Ref> cancel(const std::set<std::string>& ids);
  /// Asks every job to stop.
  void cancel_all();
  /// Asks the jobs that have run for longer than their type allows to stop, and returns them.
  std::vector<job::Ref> cancel_overdue(base::Clock::time_point now);
  /// Asks the jobs whose threads have used more processor time for them than their type allows to stop, and
  /// returns them. `used`: the seconds that a thread of the host has used in all. What it used before the
  /// first call that sees the job is not known, and not counted.
  std::vector<Overdrawn> cancel_overdrawn(base::Clock::time_point now,
                                          const std::function<std::optional<double>(pid_t)>& used);
  /// The started jobs that were asked to stop before `latest`, because they exceeded a limit or by hand.
  std::size_t stuck(base::Clock::time_point latest) const;
  std::size_t started() const;

  /// Those of the jobs that started at `latest` or before, without the plugin's name.
  std::vector<RunningJob> running(base::Clock::time_point latest) const;
  /// The job whose handler ended the host's process; null if that is not known.
  const job::Ref* culprit() const { return job(culprits_ticket()); }
  bool is_recalled(std::uint32_t ticket) const {
    return ticket < in_flight_.size() && in_flight_[ticket].recalled;
  }
  /// The job of `ticket`; null if it has none.
  const job::Ref* job(std::int64_t ticket) const;

  std::size_t room() const { return free_.size(); }
  std::size_t in_flight() const { return wire::SharedPage::ticket_count - free_.size(); }
  const wire::SharedPage& page() const { return page_; }

  /// If the host dies and the culprit is not known, each started job is charged.
  void blame_all() { blames_all_ = true; }
  void set_pid(pid_t pid) { pid_ = pid; }
  /// What outcomes say of the host.
  void set_facts(std::shared_ptr<const job::HostFacts> facts) { facts_ = std::move(facts); }
  /// The database role that runs the effects of the jobs.
  void set_role(std::string role) { role_ = std::move(role); }
  void set_at_most_once(std::vector<bool> by_type) { at_most_once_ = std::move(by_type); }
  /// How long an attempt may take, by type; 0: no limit.
  void set_limits(std::vector<job::Microseconds> by_type) { limits_ = std::move(by_type); }
  /// How much processor time an attempt may use, by type; 0: no limit.
  void set_cpu_limits(std::vector<job::Microseconds> by_type) { cpu_limits_ = std::move(by_type); }
  job::Microseconds limit(std::uint32_t type_index) const {
    return type_index < limits_.size() ? limits_[type_index] : job::Microseconds(0);
  }

 private:
  struct InFlight {
    job::Job job;
    std::uint32_t type_index = 0;
    base::Clock::time_point sent_at{};
    std::optional<base::Clock::time_point> seen_started_at;
    bool cancel_requested = false;
    bool stopping = false;                       ///< its host was told to stop all jobs
    bool overdue = false;                        ///< it exceeded its time limit, or that of processor time
    bool overdrawn = false;                      ///< the latter
    std::optional<double> cpu_before;            ///< seconds that its thread had used when it was first seen
    double cpu_used = 0;                         ///< seconds since then
    base::Clock::time_point asked_to_stop_at{};  ///< meaningful if overdue or cancel_requested
    bool stack_asked = false;                    ///< its thread was asked for its stack
    wire::LogTail log_tail;
    bool recalled = false;  ///< the job has been taken back; the host has yet to answer

    bool asked_to_stop() const { return cancel_requested || stopping || overdue; }
    /// It was asked before `latest`, as overdue or by hand; a host that is told to stop has its own deadline.
    bool is_stuck(base::Clock::time_point latest) const {
      return (overdue || cancel_requested) && asked_to_stop_at <= latest;
    }
    bool has_job() const { return job.claim != 0; }
  };

  /// How a host died.
  struct Death {
    const std::string& ending;
    bool interrupted;
    const std::string& limit;  ///< the code of the limit that it exceeded; empty: none
    std::int64_t culprit;      ///< ticket; -1: not known
    std::size_t started;       ///< jobs
  };

  std::vector<std::int32_t> slots_by_ticket() const;
  base::Clock::time_point started_at(const InFlight& flight, std::int32_t slot) const;
  template <class Call>
  void for_each_started(Call call) const;
  std::int64_t culprits_ticket() const;
  std::string limit_words(const InFlight& flight) const;
  std::string cpu_words(const InFlight& flight) const;
  job::Microseconds cpu_limit(std::uint32_t type_index) const {
    return type_index < cpu_limits_.size() ? cpu_limits_[type_index] : job::Microseconds(0);
  }
  static std::string company(std::size_t started);
  job::Finished give_up(std::uint32_t ticket);
  job::Finished give_up(std::uint32_t ticket, job::Outcome outcome, const char* source);
  job::Outcome judge(std::uint32_t ticket, const Death& death) const;
  struct Started {
    std::int32_t slot = -1;
    base::Clock::time_point at{};
  };
  std::map<std::uint32_t, Started> started_jobs() const;
  std::optional<wire::Stack> stack_in(std::int32_t slot) const;
  void add_traces(job::Outcome& outcome, std::uint32_t ticket, const Started& run, const Death& death) const;

  wire::SharedPage page_ = wire::SharedPage::create();
  pid_t pid_ = 0;
  bool blames_all_ = false;
  std::shared_ptr<const job::HostFacts> facts_;
  std::string role_;
  std::vector<bool> at_most_once_;
  std::vector<job::Microseconds> limits_;
  std::vector<job::Microseconds> cpu_limits_;
  std::vector<InFlight> in_flight_;  // by ticket
  struct Printed {
    base::Clock::time_point at{};
    const char* stream;
    std::string line;
  };
  std::deque<Printed> printed_;  // the last lines
  std::vector<std::uint32_t> free_;
};

}  // namespace sluice::fleet
