// The configuration: defaults here, at the declaration; overridden by sluice.toml, then by the
// environment and the command line (see cli/command). config/config_key and docs/configuration.md have every
// key.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "base/ownership.hpp"
#include "base/usage_error.hpp"
#include "job/host_limits.hpp"

namespace sluice::config {

struct PluginSettings {
  bool enabled = true;        ///< false: the plugin is not started, although its file is there
  int processes = 1;          ///< plugin hosts of this plugin
  int slots = 4;              ///< jobs at once in each
  std::string role;           ///< the database role that runs its effects; empty: effects are not allowed
  std::string config = "{}";  ///< JSON object for the plugin's init
  bool strict = false;        ///< members that nothing reads are an error
  job::HostLimits limits;     ///< of each plugin host
  std::string sandbox;        ///< JSON object, as job::parse_sandbox reads it; empty: none
  std::string secrets;        ///< JSON object, as parse_grants reads it; empty: none
  int log_limit = 5000;       ///< log lines per second of each host
  std::string user;           ///< of the operating system, as whom its hosts run; empty: [plugins] user
  bool operator==(const PluginSettings&) const = default;
};

/// What the operator sets for one job type. For an absent value, the plugin's applies, then [retry].
struct TypeSettings {
  std::optional<std::string> plugin;  ///< the owner, if two plugins declare the type
  std::optional<int> max_attempts;
  std::optional<int> concurrency;  ///< 0: as many as the plugin takes
  std::optional<std::chrono::microseconds> backoff_first;
  std::optional<std::chrono::microseconds> backoff_cap;
  std::optional<std::chrono::microseconds> timeout;    ///< how long an attempt may take; 0: no limit
  std::optional<std::chrono::microseconds> cpu_limit;  ///< processor time of an attempt; 0: no limit
  std::optional<bool> strict;                          ///< as in PluginSettings, for its payloads
  std::vector<std::string> redact;                     ///< as in HttpSettings, for its payloads and outputs
  std::optional<bool> brief;  ///< claimed under row locks alone; ignored if the type runs at most once
};

/// The HTTP server of `sluice run` and `sluice dashboard`.
struct HttpSettings {
  std::string listen;                ///< "127.0.0.1:9640", as in address.hpp; empty: no HTTP
  std::string tokens;                ///< the file of those who may see the dashboard
  std::string certificate;           ///< PEM file; empty: no TLS
  std::string key;                   ///< PEM file
  std::string base_path;             ///< "/sluice": before the path of every page; empty: none
  std::vector<std::string> proxies;  ///< addresses whose headers name the user and its role
  std::string user_header = "X-Forwarded-User";
  std::string role_header = "X-Sluice-Role";
  std::vector<std::string> redact;  ///< JSON pointers whose values never leave the process
  bool operator==(const HttpSettings&) const = default;
};

struct Config {
  std::string database_url;
  std::string database_url_file;    ///< its first line is the URL
  std::string database_direct_url;  ///< bypasses a pool
  std::string table = "public.Outbox";
  int pumps = 1;     ///< each claims with one connection and finishes with another
  bool wake = true;  ///< a trigger on the table wakes idle runtimes

  std::string plugin_directory;
  base::Ownership ownership = base::Ownership::check;  ///< of plugin files and the way to them
  bool strict_files = false;  ///< a plugin file needs an entry in sluice.lock, or a signature
  std::string plugin_keys;    ///< JSON object, as trust::parse_keys reads it; empty: none
  std::string plugin_user;    ///< as whom hosts run; empty: as sluice itself
  job::ControlGroups control_groups = job::ControlGroups::automatic;  ///< of plugin hosts
  bool require_sandbox = false;  ///< a plugin whose sandbox the kernel can't enforce is refused
  std::map<std::string, PluginSettings> plugins;  ///< by the plugin's name
  std::map<std::string, TypeSettings> types;      ///< by the type's name

  int max_attempts = 3;
  std::chrono::microseconds backoff_first = std::chrono::seconds(10);
  std::chrono::microseconds backoff_cap = std::chrono::hours(1);

  std::optional<std::chrono::microseconds> keep_done;    ///< before done jobs are deleted; absent: for ever
  std::optional<std::chrono::microseconds> keep_error;   ///< the same for jobs that will not be retried
  std::optional<std::chrono::microseconds> keep_traces;  ///< which runtime ran which job
  std::chrono::microseconds keep_audit = std::chrono::hours(24 * 400);  ///< what was done by hand

  int batch_max = 500;  ///< jobs in one claim, at most; a batch starts at 20
  std::chrono::microseconds poll_interval = std::chrono::milliseconds(200);
  std::chrono::microseconds processing_after =
      std::chrono::milliseconds(100);                                  ///< of a job that runs; 0: as claimed
  std::chrono::microseconds start_timeout = std::chrono::seconds(10);  ///< for a plugin to load and init
  std::chrono::microseconds drain_timeout = std::chrono::seconds(25);  ///< for started jobs, at a stop
  std::chrono::microseconds cancel_grace = std::chrono::seconds(3);    ///< between cancel and kill
  std::chrono::microseconds job_timeout = std::chrono::minutes(15);    ///< how long an attempt may take
  int effects_max = 10000;  ///< follow-up jobs and effects that one job may request
  std::chrono::microseconds effects_timeout = std::chrono::seconds(10);  ///< for all of one job's
  std::chrono::microseconds heartbeat = std::chrono::seconds(5);
  std::chrono::microseconds lease = std::chrono::seconds(30);  ///< without a heartbeat, then rescued

  /// Why the database's URL can't be used, for commands that need it; empty if it can.
  std::string database_problem;

  HttpSettings http;

  log::Level log_level = log::Level::info;
  log::Format log_format = log::Format::automatic;
  std::chrono::microseconds log_summary = std::chrono::minutes(1);  ///< between two lines that sum jobs up

  /// Where each value that is not a default comes from: "database.pumps" → "sluice.toml:3", or the variable,
  /// or the option.
  std::map<std::string, std::string> origins;
};

/// Reads `path` over `config`. Throws base::UsageError that lists every unknown key and every invalid value,
/// one per line, as "sluice.toml:12: …".
void read_config(const std::string& path, Config& config);

/// The keys outside [plugin] and [type], as "runtime.lease", whose values differ.
std::vector<std::string> changed_keys(const Config& before, const Config& after);

/// As read_config, from text; `path` is for messages.
void parse_config(std::string_view text, const std::string& path, Config& config);

/// Reads the environment's variables over `config`. A variable of a [plugin] or [type] table applies to the
/// table in the file whose name matches. If none matches, the name is guessed: in small letters, and for a
/// type with "." for "_". Throws base::UsageError that lists every invalid value.
void read_environment(const std::map<std::string, std::string>& variables, Config& config);

/// Those of `variables` that begin with SLUICE_ but belong to no key.
std::vector<std::string> unknown_variables(const std::map<std::string, std::string>& variables);

/// Sets `key`, such as "log.level", to the value of a command line option. Throws base::UsageError if the
/// value is invalid.
void set_option(Config& config, const std::string& key, const std::string& value, const std::string& option);

/// Throws base::UsageError if values conflict with each other.
void check_config(const Config& config);

std::optional<log::Level> parse_log_level(std::string_view name);
std::string_view log_level_name(log::Level level);
std::optional<log::Format> parse_log_format(std::string_view name);
std::string_view log_format_name(log::Format format);

}  // namespace sluice::config
