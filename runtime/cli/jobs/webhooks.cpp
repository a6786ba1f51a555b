// sluice webhooks: lists the notification endpoints that are disabled after an answer of 410, and revives
// them.
#include <iostream>

#include "cli/command.hpp"
#include "cli/jobs/jobs.hpp"
#include "cli/text/json.hpp"
#include "cli/text/table.hpp"
#include "postgres/desk/webhook_desk.hpp"

namespace sluice::cli {

namespace {

struct ListOptions {
  bool json = false;
};

struct ReviveOptions {
  std::vector<std::string> names;
};

std::unique_ptr<postgres::WebhookDesk> open_webhooks(const config::Config& config) {
  open_store(config)->desk()->check_schema();
  return postgres::open_webhook_desk(store_options(config));
}

void print_table(const std::vector<postgres::DisabledWebhook>& webhooks) {
  std::vector<std::vector<std::string>> rows{{"ENDPOINT", "DISABLED", "JOB", "REASON"}};
  for (const auto& webhook : webhooks) {
    rows.push_back({webhook.name, ago(webhook.since), webhook.job, webhook.reason});
  }
  std::cout << table(rows);
}

void print_json(const std::vector<postgres::DisabledWebhook>& webhooks) {
  rapidjson::StringBuffer buffer;
  JsonWriter writer(buffer);
  writer.StartArray();
  for (const auto& webhook : webhooks) {
    writer.StartObject();
    member(writer, "endpoint", webhook.name);
    member(writer, "disabled_at", webhook.since);
    member(writer, "job_id", webhook.job);
    member(writer, "reason", webhook.reason);
    writer.EndObject();
  }
  writer.EndArray();
  std::cout << buffer.GetString() << "\n";
}

int list(const GlobalOptions& global, const ListOptions& options) {
  const auto webhooks = open_webhooks(global.resolve())->disabled();
  if (options.json) {
    print_json(webhooks);
  } else if (webhooks.empty()) {
    std::cerr << "no endpoint is disabled\n";
  } else {
    print_table(webhooks);
  }
  return ExitCode::ok;
}

void say_not_disabled(const std::string& name, const std::vector<postgres::DisabledWebhook>& disabled) {
  std::string known;
  for (const auto& one : disabled) known += (known.empty() ? "" : ", ") + one.name;
  std::cerr << "endpoint '" << one_line(name, name.size()) << "' was not revived: it is not disabled; "
            << (known.empty() ? "no endpoint is" : "disabled are " + one_line(known, known.size())) << "\n";
}

int revive(const GlobalOptions& global, const ReviveOptions& options) {
  const config::Config config = global.resolve();
  const auto desk = open_webhooks(config);
  int code = ExitCode::ok;
  for (const std::string& name : options.names) {
    if (desk->revive(name)) {
      open_jobs(config)->record("revive webhook", {{"endpoint", name}}, {});
      std::cout << "revived " << one_line(name, name.size()) << "\n";
    } else {
      say_not_disabled(name, desk->disabled());
      code = ExitCode::failed;
    }
  }
  return code;
}

void add_list(const Command& webhooks, GlobalOptions& global, int& code) {
  const Command command = webhooks.add_subcommand(
      "list", "List the endpoints disabled by an answer of 410, since when, and the answer");
  add_database_options(command, global);
  static ListOptions options;
  command.add_flag("--json", options.json, "Print the list as JSON");
  add_examples(command, "  sluice webhooks list");
  command.callback([&] { code = list(global, options); });
}

void add_revive(const Command& webhooks, GlobalOptions& global, int& code) {
  const Command command = webhooks.add_subcommand("revive",
                                                  "Enable webhooks for these endpoints again. Webhooks that "
                                                  "were withheld meanwhile are not sent");
  add_database_options(command, global);
  static ReviveOptions options;
  command.add_option("NAME", options.names, "The endpoints' names, as in the configuration").required();
  add_examples(command, "  sluice webhooks revive crm");
  command.callback([&] { code = revive(global, options); });
}

}  // namespace

void add_webhooks(const Command& program, GlobalOptions& global, int& code) {
  const Command webhooks =
      program.add_subcommand("webhooks", "List disabled webhook endpoints, and revive them");
  webhooks.require_subcommand();
  add_list(webhooks, global, code);
  add_revive(webhooks, global, code);
  add_examples(webhooks, "  sluice webhooks list\n  sluice webhooks revive crm");
}

}  // namespace sluice::cli
