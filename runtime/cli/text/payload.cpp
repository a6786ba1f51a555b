#include "cli/text/payload.hpp"

#include <fstream>
#include <iostream>
#include <sstream>

#include "base/text.hpp"
#include "config/config.hpp"
#include "host/schema.hpp"

namespace sluice::cli {

namespace {

std::string text_of(const std::string& argument) {
  std::ostringstream text;
  if (argument == "-") {
    text << std::cin.rdbuf();
    return text.str();
  }
  if (argument.empty() || argument[0] != '@') return argument;
  const std::ifstream file(argument.substr(1), std::ios::binary);
  if (!file || !(text << file.rdbuf())) {
    throw base::UsageError("reading the payload from '" + argument.substr(1) +
                           "' failed: the file is missing, empty or unreadable");
  }
  return text.str();
}

}  // namespace

std::string read_payload(const std::string& argument) {
  std::string payload = text_of(argument);
  if (!host::is_json(payload)) {
    throw base::UsageError(
        "the payload is not valid JSON: " + base::shortened(payload, 200) +
        "\nWrite keys and text in double quotes, and put the whole payload in single quotes for the shell");
  }
  return payload;
}

}  // namespace sluice::cli
