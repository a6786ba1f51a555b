// Frames between the runtime and a plugin host, over a socketpair: u32 length, u8 kind, body; all integers
// little-endian. Both ends have the same version, which the host checks at its start.
//
//   runtime → host   load · start · jobs · stop
//   host → runtime   described · refused · ready · outcomes · log · dropped · progress · stopped
//
// load → described | refused; start → ready | refused; jobs → outcomes …; stop → outcomes, stopped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/ownership.hpp"
#include "job/host_user.hpp"
#include "job/job.hpp"
#include "job/plugin_spec.hpp"
#include "job/sandbox.hpp"
#include "job/secrets.hpp"
#include "job/strictness.hpp"

namespace sluice::wire {

enum class Kind : std::uint8_t {
  load = 1,
  start,
  jobs,
  stop,
  described,
  refused,
  ready,
  outcomes,
  log,
  progress,
  stopped,
  dropped,
};

/// A frame that breaks the format. The peer can't be trusted any more.
class Malformed : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Load {
  std::string path;
  job::Sandbox sandbox = {};                           ///< applied before the plugin is loaded
  base::Ownership ownership = base::Ownership::check;  ///< of the file and the way to it
  std::string place = {};  ///< where the file is, if `path` is a descriptor's; its folder may be read
  std::optional<job::HostUser> user = {};  ///< as whom; absent: as the runtime
};
struct Start {
  std::uint32_t slots = 1;
  std::int32_t log_level = 2;  ///< SLUICE_LOG_…: lines below this level need not be sent
  bool effects = false;        ///< a database role is granted to the plugin
  std::string config;
  bool all_progress = false;  ///< every progress report is wanted as a frame, not only the last
  job::Strictness strict;
  std::uint32_t log_limit = 0;      ///< log lines per second; 0: no limit
  std::uint32_t most_requests = 0;  ///< follow-up jobs and effects of one job; 0: no limit
  job::Secrets secrets{};           ///< granted to the plugin
};
/// One job on its way to a slot. `ticket` names it in this host and in the shared page.
struct JobOrder {
  std::uint32_t ticket = 0;
  std::uint32_t type_index = 0;  ///< into PluginSpec::types
  std::uint32_t attempt = 1;
  std::uint32_t max_attempts = 1;
  std::int64_t created_at_us = 0;
  std::int64_t limit_us = 0;  ///< how long the attempt may take; 0: no limit
  std::string_view id;
  std::string_view payload;
};
struct JobResult {
  std::uint32_t ticket = 0;
  job::Outcome outcome;
};
struct LogLine {
  std::int32_t level = 2;    ///< SLUICE_LOG_…
  std::int64_t ticket = -1;  ///< the job that it belongs to; -1: none
  std::string message;
  struct Field {
    std::string key;
    std::string value;
    bool json = false;
  };
  std::vector<Field> fields;
};

struct Progress {
  std::uint32_t ticket = 0;
  double fraction = 0;  ///< 0 to 1
  std::string note;
};

/// Appends a complete frame to `out`.
void put_load(std::string& out, const Load& load);
void put_start(std::string& out, const Start& start);
void put_stop(std::string& out);
void put_described(std::string& out, const job::PluginSpec& spec);
void put_refused(std::string& out, std::string_view reason);
void put_ready(std::string& out);
void put_log(std::string& out, const LogLine& line);
/// `lines` log lines were over the limit.
void put_dropped(std::string& out, std::uint64_t lines);
void put_progress(std::string& out, const Progress& progress);
void put_stopped(std::string& out);
void put_jobs(std::string& out, const std::vector<JobOrder>& orders);
void put_outcome(std::string& out, std::uint32_t ticket, const job::Outcome& outcome);

Load get_load(std::string_view body);
Start get_start(std::string_view body);
job::PluginSpec get_described(std::string_view body);
std::string get_refused(std::string_view body);
LogLine get_log(std::string_view body);
std::uint64_t get_dropped(std::string_view body);
Progress get_progress(std::string_view body);
/// The orders' id and payload point into `body`.
std::vector<JobOrder> get_jobs(std::string_view body);
JobResult get_outcome(std::string_view body);

struct Frame {
  Kind kind;
  std::string_view body;  ///< valid until the next call of FrameReader
};

/// Cuts a byte stream into frames.
class FrameReader {
 public:
  static constexpr std::size_t longest_frame = std::size_t{1} << 30;

  /// A frame whose length exceeds `longest` is malformed.
  explicit FrameReader(std::size_t longest = longest_frame) : longest_(longest) {}

  /// Room for at least `least` more bytes. After reading n bytes into it, call filled(n).
  char* room(std::size_t least);
  void filled(std::size_t bytes) { end_ += bytes; }
  /// The next complete frame, or nullopt if there is none yet. Throws Malformed.
  std::optional<Frame> next();

 private:
  const std::size_t longest_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace sluice::wire
