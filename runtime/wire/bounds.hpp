// How much a plugin may send at once. The host cuts or refuses what exceeds the bounds, and reports that. The
// runtime applies the bounds again to what arrives, because the plugin shares the host's process.
#pragma once

#include <cstddef>
#include <string>

#include "job/job.hpp"
#include "wire/frame.hpp"

namespace sluice::wire {

constexpr std::size_t longest_code = 200;            ///< length of an error's code, in bytes
constexpr std::size_t longest_error = 8 * 1024;      ///< why a job failed, or why a plugin refuses to start
constexpr std::size_t longest_output = 1024 * 1024;  ///< JSON text of a job's output
constexpr std::size_t longest_tail = 16 * 1024;      ///< the last log lines of an attempt
constexpr std::size_t longest_log_text = 64 * 1024;  ///< a log line, including its fields
constexpr std::size_t most_log_fields = 100;
constexpr std::size_t longest_plugin_frame = 16 * 1024 * 1024;  ///< the largest frame of a host

/// "52.4 MB"
std::string byte_words(std::size_t bytes);

/// The outcome, with its texts well-formed and cut to their bounds. If its output is too large, or its
/// requests make it too large for a frame, it becomes a failure that says so.
void keep_bounds(job::Outcome& outcome);
/// The line, with its texts well-formed and cut to their bounds. An ellipsis shows each cut.
void keep_bounds(LogLine& line);

/// The failure for an output of that many bytes.
job::Outcome too_large(const char* what, std::size_t bytes, std::size_t limit);

}  // namespace sluice::wire
