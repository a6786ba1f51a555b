// How much a plugin may send at once. The host cuts or refuses what exceeds the bounds, and reports that. The
// runtime applies the bounds again to what arrives, because the plugin shares the host's process.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "job/job.hpp"
#include "job/plugin_spec.hpp"
#include "wire/frame.hpp"

namespace sluice::wire {

constexpr std::size_t longest_code = 200;            ///< length of an error's code, in bytes
constexpr std::size_t longest_error = 8 * 1024;      ///< why a job failed, or why a plugin refuses to start
constexpr std::size_t longest_output = 1024 * 1024;  ///< JSON text of a job's output
constexpr std::size_t longest_tail = 16 * 1024;      ///< the last log lines of an attempt
constexpr std::size_t longest_log_text = 64 * 1024;  ///< a log line, including its fields
constexpr std::size_t most_log_fields = 100;
constexpr std::size_t longest_plugin_name = 64;
constexpr std::size_t longest_type_name = 128;
constexpr std::size_t longest_words = 1000;       ///< each text that a plugin declares for people
constexpr std::size_t most_types = 1000;          ///< of one plugin
constexpr std::size_t most_requests = 1'000'000;  ///< follow-up jobs, effects, and parameters of one outcome
constexpr std::size_t most_request_bytes = 14 * 1024 * 1024;    ///< follow-up jobs and effects of one outcome
constexpr std::size_t longest_plugin_frame = 16 * 1024 * 1024;  ///< the largest frame of a host

/// "52.4 MB"
std::string byte_words(std::size_t bytes);

/// The outcome, with its texts well-formed and cut to their bounds. If its output is too large, or its
/// requests make it too large for a frame, it becomes a failure that says so. One that is not done has
/// neither.
void keep_bounds(job::Outcome& outcome);
/// The line, with its texts well-formed and cut to their bounds. An ellipsis shows each cut. Fields of JSON
/// are one valid value on one line, and no field has the name of one of the log's own.
void keep_bounds(LogLine& line);
/// The declarations, with the texts for people well-formed and cut. Throws Malformed if they break a rule for
/// which the host refuses a plugin.
void keep_bounds(job::PluginSpec& plugin);

bool is_plugin_name(std::string_view name);  ///< 1 to 64 of a-z 0-9 - _
bool is_type_name(std::string_view name);    ///< 1 to 128 of a-z A-Z 0-9 . _ - : /

/// The failure of a job that requested that much.
job::Outcome too_many_requests(std::size_t requests, std::size_t most);
job::Outcome too_large_requests(std::size_t bytes);
/// The failure for an output of that many bytes.
job::Outcome too_large(const char* what, std::size_t bytes, std::size_t limit);

}  // namespace sluice::wire
