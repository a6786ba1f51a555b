// One plugin in one plugin host, driven from here step by step, without a runtime and without a database: for
// `sluice plugin run` and `plugin check`.
//
// The host is a process of its own, as under a runtime, or, for debuggers, a thread of this one. One thread
// uses a Rehearsal. What the plugin does wrong is never an exception: each step says in a sentence what
// happened.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "job/job.hpp"
#include "job/plugin_spec.hpp"
#include "job/strictness.hpp"
#include "wire/frame.hpp"

namespace sluice::workshop {

using Limit = std::chrono::microseconds;

/// What a plugin says while it works, told as it comes.
class Witness {
 public:
  virtual ~Witness() = default;
  virtual void logged(const wire::LogLine& line) { (void)line; }
  virtual void progressed(const wire::Progress& progress) { (void)progress; }
  /// A line that it printed; not told of a host in this process, which prints for itself.
  virtual void printed(const char* stream, const std::string& line) { (void)stream, (void)line; }
};

struct Stage {
  std::string path;
  bool in_process = false;
  std::uint32_t slots = 1;
  int log_level = 2;  ///< SLUICE_LOG_…
  int wake_fd = -1;   ///< when it can be read, whatever is waited for ends; -1: nothing wakes
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
  /// Kills what was not stopped. In this process nothing can be killed: there the whole program ends.
  ~Rehearsal();
  Rehearsal(const Rehearsal&) = delete;
  Rehearsal& operator=(const Rehearsal&) = delete;

  /// Loads the plugin: none when it is described by spec(), else why it is not. In this process, no
  /// step has a limit but `wake_fd`.
  std::optional<std::string> load(Limit limit);
  const job::PluginSpec& spec() const;
  /// Its init with `config`, and slot_open for each slot: none when it takes jobs, else why it does not.
  std::optional<std::string> start(const std::string& config, Limit limit,
                                   const job::Strictness& strict = {});
  /// Ends it: shutdown, then the process. None when it did so by itself and with exit status 0.
  std::optional<std::string> stop(Limit limit);

  /// Hands over a job of one of spec()'s types, and returns its ticket.
  std::uint32_t send(const job::Job& job, std::size_t type_index);
  /// The next job that comes back. None when `limit` passed, the host is gone, or `wake_fd` woke.
  std::optional<Returned> next(Limit limit);
  /// Asks the handler of this job to stop.
  void cancel(std::uint32_t ticket);
  /// True from the moment at which its slot took it.
  bool started(std::uint32_t ticket) const;

  void kill();
  bool alive() const;
  /// How the host's process ended: "was killed by signal 11 (Segmentation fault)"; empty while it lives.
  const std::string& ending() const;
  /// Of the host; this process's own when it is in it.
  pid_t pid() const;

 private:
  class Host;
  std::unique_ptr<Host> host_;
};

}  // namespace sluice::workshop
