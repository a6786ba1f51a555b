// sluice dashboard: serves the dashboard alone. No jobs run in it.
#include "cli/runtime/dashboard.hpp"

#include <csignal>
#include <iostream>
#include <utility>

#include "base/log.hpp"
#include "base/usage_error.hpp"
#include "cli/runtime/page_services.hpp"
#include "postgres/link/connection_string.hpp"
#include "postgres/postgres_store.hpp"

namespace sluice::cli {

namespace {

constexpr const char* default_listen = "127.0.0.1:9641";

bool is_loopback(const base::Address& address) {
  return address.host == "localhost" || address.host == "::1" || address.host.starts_with("127.");
}

bool has_users(const config::HttpSettings& http) {
  return !http.tokens.empty() || !http.proxies.empty();
}

std::string in_small_letters(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string base_url(const config::Config& config, const base::Address& address) {
  return (config.http.certificate.empty() ? "http://" : "https://") + address.text() + config.http.base_path;
}

/// Blocks the signals that end the program, and returns when one comes.
class Ending {
 public:
  Ending() {
    sigemptyset(&signals_);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals_, signal);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  }
  void wait() const {
    int signal = 0;
    sigwait(&signals_, &signal);
  }

 private:
  sigset_t signals_{};
};

int print_token(const std::string& name, const std::string& role) {
  if (!dashboard::parse_role(role))
    throw base::UsageError("--role must be view, view+payloads, operate, operate+payloads or admin, found '" +
                           role + "'");
  if (name.empty() || name.front() == '#' || name.find_first_of(" \t\n") != std::string::npos)
    throw base::UsageError("--new-token takes a name without blanks, found '" + name + "'");
  const std::string token = dashboard::new_token();
  std::cout << name << " " << role << " " << dashboard::digest_of(token) << "\n";
  std::cerr << "The line above is for the file that http.tokens names. The token, for " << name
            << " alone, is shown only now:\n"
            << token << "\n";
  return ExitCode::ok;
}

int serve(const GlobalOptions& global) {
  config::Config config = global.resolve();
  const base::Address address =
      *base::parse_address(config.http.listen.empty() ? default_listen : config.http.listen);
  const auto store = open_store(config);
  store->desk()->check_schema();
  const Ending ending;
  std::optional<dashboard::TokenEntry> own;
  std::string token;
  if (!has_users(config.http) && is_loopback(address)) {
    token = dashboard::new_token();
    own = dashboard::TokenEntry{{"admin", dashboard::Role::admin, true}, dashboard::digest_of(token)};
  }
  if (const auto problem = dashboard_problem(config, address); !problem.empty() && !own)
    throw base::UsageError(problem);
  const auto site = open_dashboard(config, address, own);
  http::Server server(address, {}, server_options(config),
                      [&](const auto& request) { return site->answer(request); });
  const dashboard::Pulse pulse(*site, server);
  const std::string url = base_url(config, server.address());
  log::info(
      "serving the dashboard",
      {{"url", url + "/"}, {"database", postgres::describe(config.database_url)}, {"table", config.table}});
  if (own) std::cerr << "Open this address, which only you know: " << url << "/login?token=" << token << "\n";
  ending.wait();
  site->limit(base::Clock::now() + last_answers);
  log::info("dashboard stopped");
  return ExitCode::ok;
}

}  // namespace

std::string dashboard_problem(const config::Config& config, const base::Address& address) {
  if (has_users(config.http) || is_loopback(address)) return "";
  return "the dashboard is not served on " + address.text() +
         ", because everybody who can reach this address could use it; name a file of tokens with "
         "http.tokens, or "
         "the proxies that authenticate users with http.proxies, or listen on the loopback";
}

http::ServerOptions server_options(const config::Config& config) {
  http::ServerOptions options;
  options.tls = {config.http.certificate, config.http.key};
  return options;
}

std::unique_ptr<dashboard::Site> open_dashboard(const config::Config& config, const base::Address& address,
                                                const std::optional<dashboard::TokenEntry>& extra) {
  dashboard::SiteOptions options;
  if (!config.http.tokens.empty()) options.access.tokens = dashboard::read_tokens(config.http.tokens);
  if (extra) options.access.tokens.push_back(*extra);
  options.access.proxies = config.http.proxies;
  options.access.user_header = in_small_letters(config.http.user_header);
  options.access.role_header = in_small_letters(config.http.role_header);
  if (!has_users(config.http) && !extra && is_loopback(address))
    options.access.anonymous = dashboard::Visitor{"anybody on this machine", dashboard::Role::view, false};
  options.base_path = config.http.base_path;
  options.secure = !config.http.certificate.empty();
  options.redacts = [config](const std::string& type) { return redacted_pointers(config, type); };
  options.services = page_services(config);
  return std::make_unique<dashboard::Site>(page_sources(config), std::move(options));
}

dashboard::Sources page_sources(const config::Config& config) {
  dashboard::Sources sources;
  postgres::PostgresOptions settings = store_options(config);
  settings.statement_limit = store::insight_limit;
  sources.store = open_store(config, {}, settings.statement_limit);
  job::RetryPolicy fallback;
  fallback.max_attempts = config.max_attempts;
  sources.jobs = [settings, fallback] { return postgres::open_job_desk(settings, fallback); };
  sources.walks = [settings = store_options(config), fallback] {
    return postgres::open_job_desk(settings, fallback);
  };
  return sources;
}

std::vector<std::string> redacted_pointers(const config::Config& config, const std::string& type) {
  std::vector<std::string> pointers = config.http.redact;
  for (const auto& [name, settings] : config.types) {
    if (type == name || type.empty())
      pointers.insert(pointers.end(), settings.redact.begin(), settings.redact.end());
  }
  return pointers;
}

void add_dashboard(const Command& program, GlobalOptions& global, int& code) {
  const Command command = program.add_subcommand("dashboard", "Serve pages about jobs, plugins and runtimes");
  add_database_options(command, global);
  command
      .add_option("--listen", global.http_listen,
                  "Serve on this address [SLUICE_HTTP_LISTEN; http.listen; 127.0.0.1:9641]")
      .takes("HOST:PORT");
  static std::string name;
  static std::string role = "view";
  command.add_option("--new-token", name, "Print a new token for a person or program of this name, and exit")
      .takes("NAME");
  command
      .add_option("--role", role,
                  "The token's role: view, operate or admin; the first two with +payloads to see payloads")
      .takes("ROLE");
  add_examples(command,
               "  sluice dashboard\n"
               "  sluice dashboard --new-token alice --role operate+payloads >> /etc/sluice/tokens");
  command.callback([&] { code = name.empty() ? serve(global) : print_token(name, role); });
}

}  // namespace sluice::cli
