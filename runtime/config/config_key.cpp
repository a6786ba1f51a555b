#include "config/config_key.hpp"

#include <arpa/inet.h>
#include <rapidjson/document.h>
#include <rapidjson/pointer.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <iterator>
#include <regex>

#include "base/address.hpp"
#include "base/duration.hpp"
#include "base/size.hpp"
#include "base/text.hpp"
#include "config/secret_grants.hpp"
#include "job/sandbox.hpp"
#include "trust/minisign.hpp"

namespace sluice::config {

namespace {

using Duration = std::chrono::microseconds;
using std::chrono::milliseconds;

std::optional<int> parse_number(const std::string& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// The value of a member, null if it is absent.
template <class Value>
const Value* present(const std::optional<Value>& value) {
  return value ? &*value : nullptr;
}
template <class Value>
const Value* present(const Value& value) {
  return &value;
}

template <class Owner, class Target>
ConfigKey<Owner> text(const char* section, const char* name, Target Owner::*member, std::string summary,
                      std::string example = "") {
  ConfigKey<Owner> key{section, name, Kind::text, "text", std::move(summary), std::move(example)};
  key.set = [member](Owner& owner, const std::string& value) {
    owner.*member = value;
    return true;
  };
  key.get = [member](const Owner& owner) -> std::optional<std::string> {
    const std::string* value = present(owner.*member);
    if (value == nullptr || value->empty()) return std::nullopt;
    return *value;
  };
  return key;
}

template <class Owner, class Target>
ConfigKey<Owner> number(const char* section, const char* name, Target Owner::*member, int low, int high,
                        std::string summary, std::string example = "") {
  ConfigKey<Owner> key{section,
                       name,
                       Kind::number,
                       "a whole number from " + std::to_string(low) + " to " + std::to_string(high),
                       std::move(summary),
                       std::move(example)};
  key.set = [member, low, high](Owner& owner, const std::string& text) {
    const auto value = parse_number(text);
    if (!value || *value < low || *value > high) return false;
    owner.*member = *value;
    return true;
  };
  key.get = [member](const Owner& owner) -> std::optional<std::string> {
    const int* value = present(owner.*member);
    if (value == nullptr) return std::nullopt;
    return std::to_string(*value);
  };
  return key;
}

template <class Owner, class Target>
ConfigKey<Owner> truth(const char* section, const char* name, Target Owner::*member, std::string summary,
                       std::string example = "") {
  ConfigKey<Owner> key{section, name, Kind::truth, "true or false", std::move(summary), std::move(example)};
  key.set = [member](Owner& owner, const std::string& text) {
    if (text != "true" && text != "false") return false;
    owner.*member = text == "true";
    return true;
  };
  key.get = [member](const Owner& owner) -> std::optional<std::string> {
    const bool* value = present(owner.*member);
    if (value == nullptr) return std::nullopt;
    return *value ? "true" : "false";
  };
  return key;
}

template <class Owner, class Target>
ConfigKey<Owner> duration(const char* section, const char* name, Target Owner::*member, Duration least,
                          std::string summary, std::string example = "") {
  ConfigKey<Owner> key{section,
                       name,
                       Kind::text,
                       R"(a duration with its unit, such as "500ms", "30s", "1h30m" or "30d")",
                       std::move(summary),
                       std::move(example)};
  if (least.count() > 0) key.takes += ", at least " + base::format_duration(least);
  key.set = [member, least](Owner& owner, const std::string& text) {
    const auto value = base::parse_duration(text);
    if (!value || *value < least) return false;
    owner.*member = *value;
    return true;
  };
  key.get = [member](const Owner& owner) -> std::optional<std::string> {
    const Duration* value = present(owner.*member);
    if (value == nullptr) return std::nullopt;
    return base::write_duration(*value);
  };
  return key;
}

template <class Owner, class Target>
ConfigKey<Owner> size(const char* section, const char* name, Target Owner::*member, std::int64_t least,
                      std::string summary, std::string example) {
  ConfigKey<Owner> key{section,
                       name,
                       Kind::text,
                       R"(a size with its unit, such as "64kB", "512MB" or "1.5GiB")",
                       std::move(summary),
                       std::move(example)};
  if (least > 0) key.takes += ", at least " + base::write_size(least);
  key.set = [member, least](Owner& owner, const std::string& text) {
    const auto value = base::parse_size(text);
    if (!value || *value < least) return false;
    owner.*member = *value;
    return true;
  };
  key.get = [member](const Owner& owner) -> std::optional<std::string> {
    const std::int64_t* value = present(owner.*member);
    if (value == nullptr) return std::nullopt;
    return base::write_size(*value);
  };
  return key;
}

template <class Target, class Parse, class Name>
ConfigKey<Config> choice(const char* section, const char* name, Target Config::*member, Parse parse,
                         Name name_of, const std::string& choices, std::string summary) {
  ConfigKey<Config> key{section, name, Kind::text, "one of " + choices, std::move(summary), ""};
  key.set = [member, parse](Config& config, const std::string& text) {
    const auto value = parse(text);
    if (!value) return false;
    config.*member = *value;
    return true;
  };
  key.get = [member, name_of](const Config& config) { return std::string(name_of(config.*member)); };
  return key;
}

/// Texts for which `is_valid` holds, as a JSON array in a variable.
template <class Owner>
ConfigKey<Owner> list(const char* section, const char* name, std::vector<std::string> Owner::*member,
                      bool (*is_valid)(const std::string&), std::string takes, std::string summary,
                      std::string example) {
  ConfigKey<Owner> key{section, name, Kind::list, std::move(takes), std::move(summary), std::move(example)};
  key.set = [member, is_valid](Owner& owner, const std::string& text) {
    rapidjson::Document document;
    document.Parse<rapidjson::kParseIterativeFlag>(text.c_str());
    if (document.HasParseError() || !document.IsArray()) return false;
    std::vector<std::string> values;
    for (const auto& one : document.GetArray()) {
      if (!one.IsString() || !is_valid(one.GetString())) return false;
      values.emplace_back(one.GetString());
    }
    owner.*member = std::move(values);
    return true;
  };
  key.get = [member](const Owner& owner) -> std::optional<std::string> {
    if ((owner.*member).empty()) return std::nullopt;
    std::string json;
    for (const std::string& one : owner.*member) json += (json.empty() ? "[" : ", ") + base::json_quote(one);
    return json + "]";
  };
  return key;
}

bool is_pointer(const std::string& text) {
  return text.starts_with('/') && rapidjson::Pointer(text.c_str()).IsValid();
}

bool is_ip_address(const std::string& text) {
  in6_addr ignored{};
  return inet_pton(AF_INET, text.c_str(), &ignored) == 1 || inet_pton(AF_INET6, text.c_str(), &ignored) == 1;
}

template <class Owner>
ConfigKey<Owner> address(const char* section, const char* name, std::string Owner::*member,
                         std::string summary, std::string example) {
  ConfigKey<Owner> key = text(section, name, member, std::move(summary), std::move(example));
  key.takes = R"(an address such as "127.0.0.1:9640")";
  key.set = [member](Owner& owner, const std::string& text) {
    if (!text.empty() && !base::parse_address(text)) return false;
    owner.*member = text;
    return true;
  };
  return key;
}

template <class Owner>
ConfigKey<Owner> also(ConfigKey<Owner> key, std::vector<std::string> variables) {
  key.other_variables = std::move(variables);
  return key;
}

template <class Owner>
ConfigKey<Owner> secret(ConfigKey<Owner> key) {
  key.secret = true;
  return key;
}

/// A key that names the database clears `other`, which a lower layer may have set.
ConfigKey<Config> naming_database(ConfigKey<Config> key, std::string Config::*other) {
  key.set = [set = key.set, other](Config& config, const std::string& value) {
    (config.*other).clear();
    return set(config, value);
  };
  return key;
}

ConfigKey<PluginSettings> plugin_config() {
  ConfigKey<PluginSettings> key{
      "plugin",
      "config",
      Kind::table,
      "a table, or a JSON object in a variable",
      "passed to the plugin and checked against the schema that the plugin declares",
      "{ greeting = \"Good morning\" }",
  };
  key.secret = true;
  key.set = [](PluginSettings& settings, const std::string& text) {
    rapidjson::Document document;
    document.Parse<rapidjson::kParseIterativeFlag>(text.c_str());
    if (document.HasParseError() || !document.IsObject()) return false;
    settings.config = text;
    return true;
  };
  key.get = [](const PluginSettings& settings) { return settings.config; };
  return key;
}

/// A path before the paths of all pages: empty, or as "/sluice".
ConfigKey<HttpSettings> base_path() {
  ConfigKey<HttpSettings> key =
      text("http", "base_path", &HttpSettings::base_path,
           "the path under which a proxy serves the dashboard. One of `proxies` may "
           "also send it, in the header X-Forwarded-Prefix",
           R"("/sluice")");
  key.takes = R"(a path such as "/sluice", with a slash in front and none behind)";
  key.set = [](HttpSettings& http, const std::string& text) {
    static const std::regex path("(/[A-Za-z0-9._~-]+)*");
    if (!std::regex_match(text, path)) return false;
    http.base_path = text;
    return true;
  };
  return key;
}

const char* const takes_pointers = R"(a list of JSON pointers such as ["/password", "/card/number"])";

std::vector<ConfigKey<HttpSettings>> make_http_keys() {
  return {
      address(
          "http", "listen", &HttpSettings::listen,
          "the address on which `sluice run` serves /livez, /readyz, /metrics and the dashboard: HOST:PORT, "
          "or a port alone, which listens on the loopback. Port 0 takes any free port, and the log names it",
          R"("127.0.0.1:9640")"),
      text("http", "tokens", &HttpSettings::tokens,
           "the file of those who may see the dashboard, one on each line. `sluice dashboard --new-token` "
           "prints "
           "such a line. On other addresses than the loopback, the dashboard is served only with this key or "
           "`proxies`",
           R"("/etc/sluice/tokens")"),
      text("http", "certificate", &HttpSettings::certificate,
           "a PEM file with the server's certificate and its chain. With it, everything is served over TLS",
           R"("/etc/sluice/tls.crt")"),
      text("http", "key", &HttpSettings::key, "the PEM file with the certificate's private key",
           R"("/etc/sluice/tls.key")"),
      base_path(),
      list("http", "proxies", &HttpSettings::proxies, is_ip_address,
           R"(a list of IP addresses such as ["10.0.0.5"])",
           "the addresses of proxies that authenticate users. Only from these are the two headers below read",
           R"(["10.0.0.5"])"),
      text("http", "user_header", &HttpSettings::user_header, "the header in which a proxy names the user"),
      text("http", "role_header", &HttpSettings::role_header,
           "the header in which a proxy names the user's role, as in the file of tokens"),
      list("http", "redact", &HttpSettings::redact, is_pointer, takes_pointers,
           "the dashboard shows \"[redacted]\" instead of these values, in payloads and outputs of all types",
           R"(["/password"])"),
  };
}

/// The keys of the settings in a member, as keys of the whole.
template <class Owner, class Part>
std::vector<ConfigKey<Owner>> keys_in(Part Owner::*member, std::vector<ConfigKey<Part>> keys) {
  std::vector<ConfigKey<Owner>> all;
  for (ConfigKey<Part>& key : keys) {
    all.push_back({key.section, key.name, key.kind, key.takes, key.summary, key.example});
    all.back().set = [member, set = key.set](Owner& owner, const std::string& value) {
      return set(owner.*member, value);
    };
    all.back().get = [member, get = key.get](const Owner& owner) { return get(owner.*member); };
  }
  return all;
}

std::optional<bool> parse_require(const std::string& text) {
  if (text != "try" && text != "require") return std::nullopt;
  return text == "require";
}
const char* require_name(bool required) {
  return required ? "require" : "try";
}

constexpr std::array<std::string_view, 3> control_groups_names{"auto", "off", "require"};

std::optional<job::ControlGroups> parse_control_groups(const std::string& text) {
  const auto found = std::find(control_groups_names.begin(), control_groups_names.end(), text);
  if (found == control_groups_names.end()) return std::nullopt;
  return static_cast<job::ControlGroups>(found - control_groups_names.begin());
}
std::string_view control_groups_name(job::ControlGroups use) {
  return control_groups_names.at(static_cast<std::size_t>(use));
}

std::string sandbox_problem(const std::string& text) {
  try {
    job::parse_sandbox(text);
    return "";
  } catch (const job::BadSandbox& bad) {
    return bad.what();
  }
}

ConfigKey<PluginSettings> plugin_sandbox() {
  ConfigKey<PluginSettings> key{
      "plugin",
      "sandbox",
      Kind::table,
      "a table, or a JSON object in a variable",
      "what the plugin may do: `read` and `write` list paths, `connect` lists TCP ports and \"unix\", "
      "`network` "
      "is \"any\" or \"none\", `spawn` allows starting programs. With this table, the plugin may do only "
      "what it "
      "lists; `enabled = false` lets it do everything",
      R"({ read = ["/etc/app"], write = ["/var/lib/app"], connect = ["443"] })",
  };
  key.problem = sandbox_problem;
  key.set = [](PluginSettings& settings, const std::string& text) {
    if (!sandbox_problem(text).empty()) return false;
    settings.sandbox = text;
    return true;
  };
  key.get = [](const PluginSettings& settings) {
    return settings.sandbox.empty() ? std::nullopt : std::optional(settings.sandbox);
  };
  return key;
}

std::optional<base::Ownership> parse_ownership(const std::string& text) {
  const auto found = std::find(base::ownership_names.begin(), base::ownership_names.end(), text);
  if (found == base::ownership_names.end()) return std::nullopt;
  return static_cast<base::Ownership>(found - base::ownership_names.begin());
}
std::string_view ownership_name(base::Ownership ownership) {
  return base::ownership_names.at(static_cast<std::size_t>(ownership));
}

std::string keys_problem(const std::string& text) {
  try {
    trust::parse_keys(text);
    return "";
  } catch (const trust::BadKeys& bad) {
    return bad.what();
  }
}

ConfigKey<Config> plugin_keys_key() {
  ConfigKey<Config> key{
      "plugins",
      "keys",
      Kind::table,
      "a table, or a JSON object in a variable",
      "public keys of minisign, each under a name of your choice. A plugin file with a signature beside it, "
      "FILE.minisig, is refused unless the signature is by one of them. Only a restart changes this",
      R"({ release = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3" })",
  };
  key.problem = keys_problem;
  key.set = [](Config& config, const std::string& text) {
    if (text.empty() || !keys_problem(text).empty()) return false;
    config.plugin_keys = text;
    return true;
  };
  key.get = [](const Config& config) {
    return config.plugin_keys.empty() ? std::nullopt : std::optional(config.plugin_keys);
  };
  return key;
}

std::string secrets_problem(const std::string& text) {
  try {
    parse_grants(text);
    return "";
  } catch (const BadGrants& bad) {
    return bad.what();
  }
}

ConfigKey<PluginSettings> plugin_secrets() {
  ConfigKey<PluginSettings> key{
      "plugin",
      "secrets",
      Kind::table,
      "a table, or a JSON object in a variable",
      "the secrets that the plugin gets, by the names under which it asks for them. Each is the content of a "
      "file, { file = \"PATH\" }, or a variable of sluice's environment, { env = \"VARIABLE\" }",
      R"({ password = { file = "/run/secrets/smtp" } })",
  };
  key.problem = secrets_problem;
  key.set = [](PluginSettings& settings, const std::string& text) {
    if (!secrets_problem(text).empty()) return false;
    settings.secrets = text;
    return true;
  };
  key.get = [](const PluginSettings& settings) {
    return settings.secrets.empty() ? std::nullopt : std::optional(settings.secrets);
  };
  return key;
}

std::vector<ConfigKey<Config>> make_config_keys() {
  std::vector<ConfigKey<Config>> keys{
      secret(naming_database(also(text("database", "url", &Config::database_url,
                                       "PostgreSQL URL or key=value string; Prisma's parameters are accepted",
                                       R"("postgresql://user:password@localhost:5432/app")"),
                                  {"DATABASE_URL"}),
                             &Config::database_url_file)),
      naming_database(also(text("database", "url_file", &Config::database_url_file,
                                "a file whose first line is the URL, used instead of `url`",
                                R"("/etc/sluice/database-url")"),
                           {"DATABASE_URL_FILE"}),
                      &Config::database_url),
      secret(also(
          text("database", "direct_url", &Config::database_direct_url,
               "a URL of the same database that bypasses the connection pool. It is used to listen, by a "
               "runtime that is woken for new jobs and by `sluice reload --wait`. Prisma's directUrl",
               R"("postgresql://user:password@localhost:5432/app")"),
          {"DIRECT_URL"})),
      also(text("database", "table", &Config::table,
                "the outbox table. The schema precedes the first dot. Case is kept as written. Put double "
                "quotes around a part that contains a dot"),
           {"SLUICE_TABLE"}),
      number("database", "pumps", &Config::pumps, 1, 16,
             "each pump claims with one connection and finishes with another. More than one pump helps only "
             "if the server has many cores"),
      truth(
          "database", "wake", &Config::wake,
          "a trigger on the table wakes idle runtimes. `sluice init` adds the trigger, or removes it if this "
          "is false"),
      also(text("plugins", "directory", &Config::plugin_directory,
                "the directory whose *.so files are the plugins. If it is not set, an installed sluice uses "
                "../lib/sluice/plugins, relative to the program",
                R"("/usr/lib/sluice/plugins")"),
           {"SLUICE_PLUGIN_DIR"}),
      duration("plugins", "start_timeout", &Config::start_timeout, milliseconds(10),
               "how long a plugin may take to load, and again to initialise"),
      choice("plugins", "sandbox", &Config::require_sandbox, parse_require, require_name, "try, require",
             "what happens if the kernel can't enforce all of a plugin's sandbox. `try`: the log says so. "
             "`require`: the plugin is refused"),
      choice("plugins", "control_groups", &Config::control_groups, parse_control_groups, control_groups_name,
             "auto, off, require",
             "whether control groups (cgroup v2) enforce limits.memory and limits.tasks. `auto`: if the "
             "runtime may make them; else it watches the limits. `off`: it watches them. `require`: it does "
             "not start without them. Only a restart changes this"),
      choice(
          "plugins", "ownership", &Config::ownership, parse_ownership, ownership_name,
          "check, strict, ignore",
          "what happens if others can replace a plugin's file: everybody, or another user than root and "
          "sluice's own. `check`: the plugin is refused. `strict`: also if a group can. `ignore`: nothing"),
      truth("plugins", "strict", &Config::strict_files,
            "true: a plugin file is refused unless sluice.lock, beside it, has its digest, or it has a "
            "signature by one of `keys`. Only a restart changes this"),
      plugin_keys_key(),
      text(
          "plugins", "user", &Config::plugin_user,
          "the user of the operating system that plugin hosts run as, if sluice runs as root. It has none of "
          "root's rights, and no groups but its primary one. If it is not set, hosts run as sluice's own "
          "user",
          R"("sluice-plugins")"),
      number("retry", "max_attempts", &Config::max_attempts, 1, 1000, "how many times a job is tried in all"),
      duration("retry", "backoff_first", &Config::backoff_first, {},
               "the delay after the first failed attempt. It doubles with each further attempt and is "
               "randomised by ±20 %"),
      duration("retry", "backoff_cap", &Config::backoff_cap, {}, "the longest delay, before randomisation"),
      number("runtime", "batch_max", &Config::batch_max, 1, 2000,
             "the most jobs that one claim takes for one lane. Claims begin with 20"),
      duration("runtime", "poll_interval", &Config::poll_interval, milliseconds(1),
               "how often an idle runtime looks for new jobs that were not announced"),
      duration(
          "runtime", "processing_after", &Config::processing_after, {},
          "a job that runs for longer gets status `processing`. A shorter job is written once, when it ends. "
          "\"0s\": each job gets the status when it is claimed, for tables from which other programs take "
          "jobs too"),
      duration("runtime", "drain_timeout", &Config::drain_timeout, {},
               "how long started jobs may continue, at a stop or in a host that a reload replaces, before "
               "they are asked to cancel"),
      duration("runtime", "job_timeout", &Config::job_timeout, {},
               "how long one attempt of a job may take before it is asked to stop, if neither its plugin nor "
               "[type] sets a limit; \"0s\": no limit"),
      duration("runtime", "cancel_grace", &Config::cancel_grace, {},
               "the time between asking a job to cancel and killing it"),
      number("runtime", "effects_max", &Config::effects_max, 1, 1000000,
             "the most follow-up jobs and effects that one job may request. A job that requests more fails"),
      duration("runtime", "effects_timeout", &Config::effects_timeout, milliseconds(100),
               "how long the database may take to commit everything that one job requests. A job that takes "
               "longer fails. A plugin can't extend the time"),
      duration("runtime", "heartbeat", &Config::heartbeat, milliseconds(100),
               "how often a runtime reports that it is alive and looks for runtimes that are not"),
      duration(
          "runtime", "lease", &Config::lease, {},
          "how long a runtime may be silent before its jobs are rescued; at least three times `heartbeat`"),
      duration("retention", "done", &Config::keep_done, milliseconds(1000),
               "how long jobs in `done` are kept", R"("30d")"),
      duration("retention", "error", &Config::keep_error, milliseconds(1000),
               "how long jobs in `error` are kept. Jobs that will be retried automatically are not deleted",
               R"("90d")"),
      duration(
          "retention", "traces", &Config::keep_traces, milliseconds(1000),
          "how long traces of done jobs are kept, for `sluice jobs show`. A trace says which runtime and "
          "plugin host ran the job, and for how long. Without the key, traces are not recorded",
          R"("1d")"),
      duration("retention", "audit", &Config::keep_audit, milliseconds(1000),
               "how long records of what was done by hand are kept"),
      choice("log", "level", &Config::log_level, parse_log_level, log_level_name,
             "trace, debug, info, warn, error, off",
             "the least severe level that is logged. It applies to the plugins too"),
      choice("log", "format", &Config::log_format, parse_log_format, log_format_name, "auto, human, json",
             "`human` is lines for people, `json` is one JSON object a line. `auto` is `human` on a "
             "terminal and `json` elsewhere"),
      duration("log", "summary", &Config::log_summary, milliseconds(100),
               "how often `sluice run` logs, at level info, how many jobs have ended since the last summary. "
               "If no job has ended, nothing is logged"),
  };
  const auto log =
      std::find_if(keys.begin(), keys.end(), [](const auto& key) { return key.section == "log"; });
  auto http = keys_in(&Config::http, make_http_keys());
  keys.insert(log, std::make_move_iterator(http.begin()), std::make_move_iterator(http.end()));
  return keys;
}

std::vector<ConfigKey<job::HostLimits>> make_limit_keys() {
  constexpr const char* section = "plugin.limits";
  constexpr std::int64_t least_memory = 32'000'000;  // a host without jobs takes about a third
  constexpr std::int64_t least_file = 4096;
  using job::HostLimits;
  return {
      size(section, "memory", &HostLimits::memory, least_memory,
           "resident memory of a host together with the processes that it starts. A host that takes more is "
           "killed, and the job that caused it fails with code `memory`",
           R"("512MB")"),
      number(section, "tasks", &HostLimits::tasks, 8, 1000000,
             "processes and threads of a host, together. A host that has more is killed, and the job that "
             "caused it fails with code `tasks`. A host needs `slots` and 2 threads itself",
             "200"),
      number(section, "open_files", &HostLimits::open_files, 32, 1048576,
             "the most descriptors that each process may have open (RLIMIT_NOFILE)", "256"),
      size(section, "file_size", &HostLimits::file_size, least_file,
           "the largest file that a process may write (RLIMIT_FSIZE). A write beyond it fails with EFBIG",
           R"("1GB")"),
      size(section, "core", &HostLimits::core, 0,
           "the largest core file of a process that crashes (RLIMIT_CORE); \"0\": none. A core file contains "
           "payloads and the plugin's "
           "configuration",
           R"("0")"),
      number(section, "cpus", &HostLimits::cpus, 1, 1024,
             "processors that a host may use. Handlers that compute without end leave the others to other "
             "plugins, to the runtime and to the database",
             "1"),
      number(section, "nice", &HostLimits::nice, 0, 19,
             "the priority of a host, from 0 to 19, the lowest. It can't be above the runtime's own", "10"),
      number(section, "io_priority", &HostLimits::io_priority, 0, 7,
             "the priority of a host at the disks, from 0 to 7, the lowest", "7"),
      number(section, "recycle_jobs", &HostLimits::recycle_jobs, 1, 1000000000,
             "the number of jobs after which a host is replaced. Another host takes over, and the first one "
             "ends after its jobs",
             "10000"),
      duration(section, "recycle_age", &HostLimits::recycle_age, milliseconds(1000),
               "the time after which a host is replaced in the same way", R"("1d")"),
      size(section, "recycle_memory", &HostLimits::recycle_memory, least_memory,
           "a host that takes more memory is replaced in the same way. Counted as `memory`, and best set "
           "lower than that",
           R"("300MB")"),
  };
}

std::vector<ConfigKey<PluginSettings>> make_plugin_keys() {
  std::vector<ConfigKey<PluginSettings>> keys{
      truth("plugin", "enabled", &PluginSettings::enabled,
            "false: the plugin is not started although its file is there, and its jobs wait"),
      number("plugin", "processes", &PluginSettings::processes, 1, 64,
             "the number of plugin hosts of this plugin"),
      number("plugin", "slots", &PluginSettings::slots, 1, 256,
             "the number of threads that run jobs in each host"),
      text("plugin", "role", &PluginSettings::role,
           "the database role that runs the plugin's SQL, which is committed with its jobs. Without a role, "
           "the plugin may not request SQL",
           R"("sluice_hello")"),
      text("plugin", "user", &PluginSettings::user, "as in [plugins], for this plugin", R"("sluice-hello")"),
      truth("plugin", "strict", &PluginSettings::strict,
            "true: members of payloads and of the configuration that the plugin's schemas do not mention and "
            "that nothing reads are an error. Otherwise the log lists them"),
      number(
          "plugin", "log_limit", &PluginSettings::log_limit, 1, 1000000,
          "the most lines per second that each host may write to the log, printed lines included, and 1 kB a "
          "line on average. More are dropped and counted, errors and warnings last. The lines kept with a "
          "failed attempt are not affected"),
      plugin_config(),
      plugin_sandbox(),
      plugin_secrets(),
  };
  for (auto& key : keys_in(&PluginSettings::limits, make_limit_keys())) keys.push_back(std::move(key));
  return keys;
}

std::vector<ConfigKey<TypeSettings>> make_type_keys() {
  return {
      text("type", "plugin", &TypeSettings::plugin,
           "the only plugin that may serve the type. It is required if several plugins declare the type",
           R"("hello")"),
      number("type", "max_attempts", &TypeSettings::max_attempts, 1, 1000,
             "how many times a job of this type is tried in all", "5"),
      number(
          "type", "concurrency", &TypeSettings::concurrency, 0, 4096,
          "the most jobs of this type, waiting ones included, that one runtime hands to the plugin at once. "
          "0: as many as the plugin takes",
          "20"),
      duration("type", "backoff_first", &TypeSettings::backoff_first, {}, "as in [retry]", R"("5s")"),
      duration("type", "backoff_cap", &TypeSettings::backoff_cap, {}, "as in [retry]", R"("10m")"),
      duration("type", "timeout", &TypeSettings::timeout, {},
               "how long one attempt may take before it is asked to stop; \"0s\": no limit", R"("5m")"),
      duration(
          "type", "cpu_limit", &TypeSettings::cpu_limit, {},
          "how much processor time the thread that runs an attempt may use before the attempt is asked to "
          "stop, as at a time limit; \"0s\": no limit. Measured every 200 ms. Other threads and processes "
          "that the handler starts are not counted",
          R"("30s")"),
      truth("type", "brief", &TypeSettings::brief,
            "true: a job may run twice, because its claim need not survive a crash of the database server",
            "true"),
      truth("type", "strict", &TypeSettings::strict, "as in [plugin], for payloads of this type", "true"),
      list("type", "redact", &TypeSettings::redact, is_pointer, takes_pointers,
           "as in [http], for payloads and outputs of this type", R"(["/token"])"),
  };
}

/// `text` as comment lines, wrapped.
std::string comment(std::string text) {
  constexpr std::size_t width = 98;
  std::string lines;
  while (!text.empty()) {
    std::size_t end = text.size();
    if (end > width) {
      end = text.rfind(' ', width);
      if (end == std::string::npos) end = text.size();
    }
    lines += "# " + text.substr(0, end) + "\n";
    text.erase(0, std::min(text.size(), end + 1));
  }
  return lines;
}

std::string sentence(std::string text) {
  text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
  return text + ".";
}

template <class Owner>
std::string sample_key(const ConfigKey<Owner>& key) {
  const auto value = key.example.empty() ? key.get(Owner{}) : std::nullopt;
  std::string lines = comment(sentence(key.summary));
  if (key.kind == Kind::number || key.takes.starts_with("one of")) lines += comment(sentence(key.takes));
  return lines + "#" + key.name + " = " + (value ? as_toml(key.kind, *value) : key.example) + "\n";
}

std::string sample_head(const std::string& section, const std::string& table) {
  return "\n# " + std::string(72, '-') + "\n" + comment(std::string(section_summary(section))) + "[" + table +
         "]\n";
}

/// The keys of `[table]` and of its inner tables.
template <class Owner>
std::string sample_table(const std::string& table, const std::vector<ConfigKey<Owner>>& keys) {
  std::string lines;
  std::string section;
  for (const auto& key : keys) {
    if (key.section != section) {
      const std::string path = key.path();
      lines +=
          sample_head(key.section, table + (path == key.name ? "" : "." + path.substr(0, path.find('.'))));
      lines.insert(lines.rfind("\n[") + 1, "#");
    }
    section = key.section;
    lines += "\n" + sample_key(key);
  }
  return lines;
}

}  // namespace

const std::vector<ConfigKey<Config>>& config_keys() {
  static const auto keys = make_config_keys();
  return keys;
}

const std::vector<ConfigKey<PluginSettings>>& plugin_keys() {
  static const auto keys = make_plugin_keys();
  return keys;
}

const std::vector<ConfigKey<TypeSettings>>& type_keys() {
  static const auto keys = make_type_keys();
  return keys;
}

std::string_view section_summary(std::string_view section) {
  struct Summary {
    std::string_view section, text;
  };
  static constexpr Summary summaries[] = {
      {"database", "Where the outbox is."},
      {"plugins", "Where the plugins are."},
      {"retry", "For job types whose plugin and [type] table set no values of their own."},
      {"runtime", "How jobs are claimed, and how a runtime stops."},
      {"retention",
       "How long `sluice run` keeps finished jobs, with their failed attempts and output. Without `done` "
       "and `error`, no job is deleted."},
      {"http",
       "Health checks and metrics, for everybody who can reach the address, and the dashboard, for those who "
       "have a role. Without an address, nothing listens."},
      {"log", "The log goes to standard error."},
      {"plugin",
       "One table for each plugin that needs one, under the name that the plugin declares. `sluice plugin "
       "list` shows the names."},
      {"plugin.limits",
       "What each host of the plugin may take, and when it is replaced by another one. Without these keys "
       "there is no limit."},
      {"type",
       "One table for each job type that needs one, with the type's name in quotes. For a key that is "
       "absent, the plugin's declaration applies, then [retry]."},
  };
  for (const auto& [name, text] : summaries) {
    if (name == section) return text;
  }
  return "";
}

std::string variable_part(std::string_view name) {
  std::string part;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    part += std::isalnum(byte) != 0 ? static_cast<char>(std::toupper(byte)) : '_';
  }
  return part;
}

std::string variable_name(std::string_view section, std::string_view key, std::string_view name) {
  const auto dot = section.find('.');
  const std::string middle = name.empty() ? "" : variable_part(name) + "_";
  const std::string inner = dot == std::string_view::npos ? "" : variable_part(section.substr(dot + 1)) + "_";
  return "SLUICE_" + variable_part(section.substr(0, dot)) + "_" + middle + inner + variable_part(key);
}

std::string as_toml(Kind kind, const std::string& value) {
  return kind == Kind::text ? base::json_quote(value) : value;
}

std::string sample_config() {
  std::string sample =
      "# Sluice's configuration: every key, at its default and commented out. Sluice reads the file named "
      "by\n# --config, else the one named by SLUICE_CONFIG, else ./sluice.toml, else "
      "/etc/sluice/sluice.toml.\n"
      "# Each key has a variable, which takes precedence over the file: SLUICE_DATABASE_PUMPS is `pumps` of\n"
      "# [database]. `sluice config check` shows the values in force. Durations: \"500ms\", \"30s\", "
      "\"1h30m\".\n# Sizes: \"64kB\", \"512MB\", \"1.5GiB\".\n";
  std::string section;
  for (const auto& key : config_keys()) {
    if (key.section != section) sample += sample_head(key.section, key.section);
    section = key.section;
    sample += "\n" + sample_key(key);
  }
  return sample + sample_table("plugin.hello", plugin_keys()) +
         sample_table("type.\"hello.greet\"", type_keys());
}

}  // namespace sluice::config
