// sluice mcp: answers an assistant, by the Model Context Protocol on standard input and output.
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "base/host_name.hpp"
#include "base/log.hpp"
#include "base/version.hpp"
#include "cli/command.hpp"
#include "cli/runtime/dashboard.hpp"
#include "dashboard/assistant_protocol.hpp"
#include "postgres/link/connection_string.hpp"

namespace sluice::cli {

namespace {

/// "ada@host", or the user's number if the environment does not tell.
std::string caller() {
  const char* const user = std::getenv("USER");
  const bool named = user != nullptr && *user != '\0';
  return (named ? std::string(user) : std::to_string(getuid())) + "@" + base::host_name();
}

dashboard::Visitor visitor_of(const std::string& allow, bool payloads) {
  const auto role = dashboard::parse_role(allow);
  if (!role || allow == "view" || allow.find('+') != std::string::npos)
    throw base::UsageError("--allow must be operate or admin, found '" + allow + "'");
  return {caller(), role->role, payloads};
}

/// The next line; of a longer one no more than `most` bytes are kept. Returns false at the end.
bool read_line(std::istream& input, std::string& line, std::size_t most) {
  line.clear();
  char c = 0;
  while (input.get(c) && c != '\n') {
    if (line.size() < most) line += c;
  }
  return !input.fail() || !line.empty();
}

int serve(const GlobalOptions& global, const std::string& allow, bool payloads) {
  const config::Config config = global.resolve();
  const auto visitor = allow.empty() ? dashboard::Visitor{caller(), dashboard::Role::view, payloads}
                                     : visitor_of(allow, payloads);
  dashboard::AssistantTools tools(page_sources(config), {visitor, [&config](const std::string& type) {
                                                           return redacted_pointers(config, type);
                                                         }});
  dashboard::AssistantProtocol protocol(tools, std::string(base::version()));
  log::info("answering on standard input and output",
            {{"role", std::string(role_name(visitor.role))},
             {"payloads", payloads ? "shown" : "hidden"},
             {"database", postgres::describe(config.database_url)}});
  for (std::string line; read_line(std::cin, line, dashboard::AssistantProtocol::most_line + 1);) {
    const std::string answer = line.empty() ? "" : protocol.answer(line);
    if (!answer.empty() && !(std::cout << answer << std::endl)) return ExitCode::failed;
  }
  return ExitCode::ok;
}

}  // namespace

void add_mcp(const Command& program, GlobalOptions& global, int& code) {
  const Command command = program.add_subcommand("mcp", "Answer an assistant by the Model Context Protocol");
  add_database_options(command, global);
  static std::string allow;
  static bool payloads = false;
  command
      .add_option("--allow", allow,
                  "What it may change: operate retries and cancels jobs, admin also deletes")
      .takes("operate|admin");
  command.add_flag("--payloads", payloads, "Show payloads and outputs, except what http.redact names");
  add_examples(command,
               "  sluice mcp\n"
               "  sluice mcp --allow operate --payloads");
  command.callback([&] { code = serve(global, allow, payloads); });
}

}  // namespace sluice::cli
