// A job as a file: what `sluice jobs repro` writes and `sluice plugin run --repro` reads. It has everything
// that a run of the job depends on, except the secrets of the plugin's configuration.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/text/json.hpp"
#include "config/config.hpp"
#include "job/job.hpp"

namespace sluice::cli {

/// The plugin that served the job, and its file as it was found when the repro was written.
struct ReproPlugin {
  std::string name;
  std::string version;
  std::string build_id;  ///< of the file that served the job; empty if it is not known or has none
  std::string file;      ///< empty: it was not found
  std::string sha256;    ///< of that file
};

struct Repro {
  std::string id;
  std::string type;
  std::string status;
  int attempt = 1;
  int max_attempts = 1;
  std::string created_at;  ///< "2026-01-31T12:00:00.000Z"; empty if infinite
  std::string payload;     ///< JSON, as the database has it
  ReproPlugin plugin;
  std::string config = "{}";          ///< JSON object, without its secrets
  std::vector<std::string> left_out;  ///< JSON pointers into `config`
  job::Microseconds timeout{0};       ///< 0: no limit
  int slots = 1;
  job::HostLimits limits;
  std::string last_attempt;  ///< JSON object, for people; empty: none failed
};

std::string text_of(const Repro& repro);

/// Reads a file. Throws base::UsageError if it is not a repro, or one of a later version.
Repro read_repro(const std::string& path);

/// Seconds since 1970 of `created_at`.
std::optional<double> seconds_since_epoch(const std::string& created_at);

/// "smtp.password" for the JSON pointer "/smtp/password".
std::string dotted(const std::string& pointer);

/// Puts into `repro.config` what was left out, as far as `own`, another configuration of the plugin, has it,
/// and then `sets`, each "KEY=VALUE" with a dotted key. What is still missing stays in `left_out`, and its
/// markers are removed. Throws base::UsageError if a set is invalid.
void complete(Repro& repro, const std::string& own, const std::vector<std::string>& sets);

}  // namespace sluice::cli
