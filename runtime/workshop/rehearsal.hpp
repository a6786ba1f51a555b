// One plugin in one plugin host, controlled step by step, without a runtime and without a database: for
// `sluice plugin run` and `plugin check`.
//
// The host is a separate process, as under a runtime, or, for debuggers, a thread of this process. A
// Rehearsal is for one thread. A plugin's errors are never exceptions: each step returns a sentence about
// what happened.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ownership.hpp"
#include "job/host_limits.hpp"
#include "job/host_user.hpp"
#include "job/job.hpp"
#include "job/plugin_spec.hpp"
#include "job/secrets.hpp"
#include "job/strictness.hpp"
#include "trust/vetting.hpp"
#include "wire/frame.hpp"

namespace sluice::workshop {

using Limit = std::chrono::microseconds;

/// A plugin's output while it works, reported as it comes.
class Witness {
 public:
  virtual ~Witness() = default;
  virtual void logged(const wire::LogLine& line) { (void)line; }
  virtual void progressed(const wire::Progress& progress) { (void)progress; }
  /// A line that it printed. Not called for a host in this process, which prints by itself.
  virtual void printed(const char* stream, const std::string& line) { (void)stream, (void)line; }
};

struct Stage {
  std::string path;
  bool in_process = false;
  std::uint32_t slots = 1;
  int log_level = 2;  ///< SLUICE_LOG_…
  int wake_fd = -1;   ///< ends every wait when it becomes readable; -1: nothing does
  job::Sandbox sandbox = {};
  trust::Policy trust = {};                                                    ///< which files are loaded
  std::function<job::GrantedSecrets(const std::string& plugin)> secrets = {};  ///< absent: none is granted
  std::optional<job::HostUser> user = {};  ///< as whom; absent, and in this process: as this one
  job::HostLimits limits = {};             ///< that apply if there is a user; else limit() sets them
};

/// A job that came back.
struct Returned {
  std::uint32_t ticket = 0;
  job::Outcome outcome;
};

class Rehearsal {
 public:
  /// Starts the host. Throws std::system_error.
  Rehearsal(Stage stage, Witness& witness);
  /// Kills the host if it was not stopped. A host in this process can't be killed, so the whole program ends.
  ~Rehearsal();
  Rehearsal(const Rehearsal&) = delete;
  Rehearsal& operator=(const Rehearsal&) = delete;

  /// Loads the plugin. Returns nullopt if it succeeded, and spec() describes the plugin; otherwise the
  /// reason. In this process, only `wake_fd` limits a step.
  std::optional<std::string> load(Limit limit);
  /// The same in a new process with that sandbox, whose rights are known when the plugin has said its name. A
  /// host in this process stays as it is.
  std::optional<std::string> load_again(const job::Sandbox& sandbox, const std::optional<job::HostUser>& user,
                                        const job::HostLimits& limits, Limit limit);
  const job::PluginSpec& spec() const;
  /// Sets the limits that the kernel enforces. A host in this process gets none. Returns nullopt, or the
  /// reason why the kernel refuses one.
  std::optional<std::string> limit(const job::HostLimits& limits);
  /// Calls its init with `config`, and slot_open for each slot. Returns nullopt if it is ready for jobs,
  /// otherwise the reason.
  std::optional<std::string> start(const std::string& config, Limit limit,
                                   const job::Strictness& strict = {});
  /// Stops it: shutdown, then the end of the process. Returns nullopt if it ended by itself with exit status
  /// 0.
  std::optional<std::string> stop(Limit limit);

  /// Sends a job of one of spec()'s types, and returns its ticket.
  std::uint32_t send(const job::Job& job, std::size_t type_index);
  /// The next job that comes back. Nullopt if `limit` has passed, the host is gone, or `wake_fd` woke us.
  std::optional<Returned> next(Limit limit);
  /// Asks the handler of this job to stop.
  void cancel(std::uint32_t ticket);
  /// True from the moment when its slot took it.
  bool started(std::uint32_t ticket) const;

  void kill();
  bool alive() const;
  /// How the host's process ended: "was killed by signal 11 (Segmentation fault)"; empty while it is alive.
  const std::string& ending() const;
  /// The host's process id; this process's own if the host is in it.
  pid_t pid() const;

 private:
  class Host;
  Witness& witness_;
  std::unique_ptr<Host> host_;
};

}  // namespace sluice::workshop
