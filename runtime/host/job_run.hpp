// Runs a slot's jobs: shows a job to a handler through the ABI, collects what the handler reports, and turns
// its return value into an Outcome.
//
// run() is for the slot's thread. While the handler runs, any thread of the plugin may call the functions
// behind sluice_job_api.
#pragma once

#include <sluice/extensions.h>
#include <sluice/plugin.h>

#include <optional>
#include <string>
#include <vector>

#include "base/threads.hpp"
#include "host/channel.hpp"
#include "host/secret_store.hpp"
#include "job/job.hpp"
#include "wire/log_tail.hpp"
#include "wire/shared_page.hpp"

namespace sluice::host {

/// A job on its way through the host, with its own copy of the texts.
struct QueuedJob {
  std::uint32_t ticket = 0;
  std::uint32_t type_index = 0;
  std::uint32_t attempt = 1;
  std::uint32_t max_attempts = 1;
  std::int64_t created_at_us = 0;
  std::int64_t limit_us = 0;  ///< as in wire::JobOrder
  std::string id;
  std::string payload;
};

class JobRun {
 public:
  /// `effects`: a database role is granted to the plugin. `all_progress`, `most_requests`: as in wire::Start.
  JobRun(Channel& channel, wire::SharedPage& page, std::uint32_t slot, int log_level, bool effects,
         bool all_progress, std::uint32_t most_requests, const SecretStore& secrets);
  JobRun(const JobRun&) = delete;
  JobRun& operator=(const JobRun&) = delete;

  /// Calls the handler of `type` with `job`. `remark` is written to the job's log first. Never throws.
  job::Outcome run(void* self, void* slot_state, const sluice_job_type& type, const QueuedJob& job,
                   const std::optional<wire::LogLine>& remark);

 private:
  friend struct JobApi;

  void tell(const wire::LogLine& line);
  void begin(const sluice_job_type& type, const QueuedJob& job);
  job::Outcome end(std::int32_t result, base::Clock::time_point started);
  bool count_request(std::size_t bytes);
  std::optional<job::Outcome> excess() const REQUIRES(mutex_);
  void name_missing_reason(job::Outcome& outcome) const;

  // constant after construction
  Channel& channel_;
  wire::SharedPage& page_;
  const int log_level_;
  const bool effects_;
  const bool all_progress_;
  const std::uint32_t most_requests_;  // 0: no limit
  const SecretStore& secrets_;
  sluice_job view_{};

  // constant while a handler runs
  std::uint32_t ticket_ = 0;

  base::Mutex mutex_;
  job::Outcome told_ GUARDED_BY(mutex_);
  std::size_t output_size_ GUARDED_BY(mutex_) = 0;  // the output's size as the handler set it
  std::size_t requests_ GUARDED_BY(mutex_) = 0;
  std::size_t request_bytes_ GUARDED_BY(mutex_) = 0;
  wire::LogTail log_tail_ GUARDED_BY(mutex_);
  bool told_progress_ GUARDED_BY(mutex_) = false;
};

/// The log line for members that nothing reads; `ticket` -1: for no job. `what` begins the sentence.
wire::LogLine ignored_line(std::int64_t ticket, const std::string& what,
                           const std::vector<std::string>& ignored);

/// The log frame for a plugin's log line; `ticket` -1: for no job.
wire::LogLine to_log_line(std::int64_t ticket, std::int32_t level, sluice_str message,
                          const sluice_field* const* fields, std::size_t field_count);

}  // namespace sluice::host
