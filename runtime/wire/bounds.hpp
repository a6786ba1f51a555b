// How much a plugin may say at once. The host cuts or refuses what goes beyond, and says so; the runtime does
// the same again with what arrives, as the plugin shares the host's process.
#pragma once

#include <cstddef>
#include <string>

#include "job/job.hpp"
#include "wire/frame.hpp"

namespace sluice::wire {

constexpr std::size_t longest_code = 200;            ///< of an error, in bytes
constexpr std::size_t longest_error = 8 * 1024;      ///< what failed, and why a plugin refuses to start
constexpr std::size_t longest_output = 1024 * 1024;  ///< JSON text of a job's output
constexpr std::size_t longest_tail = 16 * 1024;      ///< the last log lines of an attempt
constexpr std::size_t longest_log_text = 64 * 1024;  ///< a log line, its fields included
constexpr std::size_t most_log_fields = 100;
constexpr std::size_t longest_plugin_frame = 16 * 1024 * 1024;  ///< the largest frame of a host

/// "52.4 MB"
std::string byte_words(std::size_t bytes);

/// The outcome with its texts cut to their bounds and well-formed. One with too large an output, or that is
/// too large for a frame by what it asks for, is a failure that says so.
void keep_bounds(job::Outcome& outcome);
/// The line with its texts cut to their bounds, which an ellipsis shows, and well-formed.
void keep_bounds(LogLine& line);

/// The failure that an output of so many bytes is.
job::Outcome too_large(const char* what, std::size_t bytes, std::size_t limit);

}  // namespace sluice::wire
