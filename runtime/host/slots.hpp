// The slots of a plugin host: threads that take jobs from one queue, check their payloads and run their
// handlers. The host's main thread owns them, and only it calls their functions.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/threads.hpp"
#include "host/channel.hpp"
#include "host/job_run.hpp"
#include "host/library.hpp"
#include "host/schema.hpp"
#include "host/secret_store.hpp"
#include "wire/shared_page.hpp"

namespace sluice::host {

class Slots {
 public:
  /// What every slot works with. It must outlive the slots.
  struct Context {
    const Library& library;
    const sluice_host& host;
    void* self;
    Channel& channel;
    wire::SharedPage& page;
    int log_level;
    bool effects;
    bool all_progress;
    const std::vector<Schema>& schemas;  ///< payload schemas by type
    std::vector<bool> strict;            ///< strictness by type
    std::uint32_t most_requests;         ///< as in wire::Start
    const SecretStore& secrets;
  };

  /// Starts `count` slots and opens each. Throws Refusal if a slot can't be opened.
  Slots(const Context& context, std::uint32_t count);
  /// Lets the running handlers end, then closes the slots.
  ~Slots();

  void push(std::vector<QueuedJob> jobs);
  /// Takes back jobs that have not started. Their tickets stay `queued`.
  std::vector<std::uint32_t> take_back();

 private:
  void work(std::uint32_t index);
  void serve(std::uint32_t index, void* slot_state);
  bool pop(QueuedJob& job);
  void execute(JobRun& run, std::vector<Schema>& schemas, void* slot_state, const QueuedJob& job,
               std::uint32_t index);
  Verdict judge(Schema& schema, const QueuedJob& job) const;
  void report(const QueuedJob& job, const job::Outcome& outcome);
  void answer(const QueuedJob& job, const job::Outcome& outcome);
  std::optional<wire::LogLine> remark(const QueuedJob& job, const std::vector<std::string>& ignored);
  void opened(std::string refusal);

  // constant
  const Context context_;

  base::Mutex mutex_;
  base::Condition changed_;
  std::deque<QueuedJob> queue_ GUARDED_BY(mutex_);
  bool closing_ GUARDED_BY(mutex_) = false;
  std::uint32_t idle_ GUARDED_BY(mutex_) = 0;
  std::uint32_t opened_ GUARDED_BY(mutex_) = 0;
  std::string refusal_ GUARDED_BY(mutex_);
  /// Ignored members → when they were last logged.
  std::map<std::string, base::Clock::time_point> remarked_ GUARDED_BY(mutex_);

  std::vector<base::Thread> threads_;
};

/// Keeps the message that a slot's thread gives to sluice_host.set_error, for the refusal of slot_open.
void set_slot_error(std::string message);

}  // namespace sluice::host
