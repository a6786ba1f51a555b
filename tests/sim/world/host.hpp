// A simulated plugin host: what stands behind a pid, a socket and a shared page. It speaks real frames, and
// advances real tickets as host/slots.cpp does. Its handlers do what their jobs' payloads say. It can die
// wherever a ticket can be, with half a frame in the pipe.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fibers/scheduler.hpp"
#include "wire/frame.hpp"
#include "wire/shared_page.hpp"
#include "world/script.hpp"

namespace sluice::sim {

/// Where a host is to die: the next time that it comes by.
enum class Doom {
  none,
  queued,       ///< it has a job that has not started
  started,      ///< a handler runs
  reported,     ///< a ticket says that its job ended, and no frame does
  half_a_frame  ///< half of that frame is written
};

/// Told of what handlers do.
class HostWatcher {
 public:
  virtual ~HostWatcher() = default;
  /// The runtime sends it the job.
  virtual void on_given(const class Host& host, const std::string& job, int attempt) = 0;
  /// `ticket` tells two runs of one job in one host apart.
  virtual void on_start(const Host& host, const std::string& job, std::uint32_t ticket) = 0;
  /// The handler ends the process. `place`: where, if the host notes that and who it was.
  virtual void on_fault(const Host& host, const std::string& job, std::optional<std::uint64_t> place) = 0;
  virtual void on_end(const Host& host, const std::string& job, std::uint32_t ticket, job::Result result) = 0;
  virtual void on_death(const Host& host) = 0;
};

class Host : public Process {
 public:
  Host(int pid, Process& runtime, wire::SharedPage page, std::string path, std::string file);

  static void watch(HostWatcher* watcher);
  static std::shared_ptr<Host> of(int pid);
  /// The living hosts of a runtime, in the order of their pids.
  static std::vector<std::shared_ptr<Host>> of(const Process& runtime);
  static int next_pid();
  static void add(std::shared_ptr<Host> host);

  /// It begins to read.
  void begin();
  void receive(std::string frames);
  /// Its process ends. The first end counts.
  void die(int wait_status);
  void doom(Doom doom) { doom_ = doom; }
  /// Sends a frame that no honest host sends.
  void lie();

  /// Those that are not idle.
  std::size_t tickets();

  int pid() const { return id(); }
  Process& runtime() const { return runtime_; }
  std::string plugin() const;
  /// Of the plugin file; 0: not loaded yet.
  int version() const { return version_; }
  /// The runtime wants it to end, so it judges the jobs of its death as interrupted.
  bool told_to_stop() const { return told_to_stop_; }
  /// It has told the runtime that it takes jobs.
  bool was_ready() const { return was_ready_; }
  /// How it ended, once.
  std::optional<int> reap();

  // The other end of its pipe.
  std::string unread;
  std::function<void()> readable = [] {};

 private:
  inline static HostWatcher* watcher_ = nullptr;

  struct Order {
    std::uint32_t ticket = 0;
    std::string id;
    int attempt = 0;
    Script script;
    std::uint32_t slot = 0;  ///< once it runs
  };

  void read_frames();
  void take(const wire::Frame& frame);
  void load();
  void start(const wire::Start& start);
  void queue(const wire::Frame& frame);
  void stop();
  void work(std::uint32_t slot);
  void execute(const Order& order);
  job::Outcome run(const Order& order);
  void crash(const Order& order, std::uint64_t place);
  void vanish(const Order& order);
  void misbehave(const Order& order);
  void hear(const std::string& frames);
  bool runs_to_its_end(const Order& order);
  void report(const Order& order, const job::Outcome& outcome);
  void send(const std::string& frame);
  bool dies_at(Doom doom);

  Process& runtime_;
  wire::SharedPage page_;
  const std::string path_;
  std::string file_;  // what the plugin file says
  wire::FrameReader reader_;
  std::deque<std::string> inbox_;
  WaitList arrived_;
  std::vector<job::TypeSpec> types_;
  std::deque<Order> queue_;
  WaitList queued_;
  std::uint32_t slots_ = 0;
  std::uint32_t slots_over_ = 0;
  WaitList slot_over_;
  bool stopping_ = false;
  bool told_to_stop_ = false;
  bool was_ready_ = false;
  int version_ = 0;
  Doom doom_ = Doom::none;
  std::optional<int> status_;
  bool reaped_ = false;
};

}  // namespace sluice::sim
