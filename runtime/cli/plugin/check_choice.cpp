#include "cli/plugin/check_choice.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "cli/text/nearest.hpp"
#include "config/config.hpp"

namespace sluice::cli {

workshop::CheckChoice parse_check_choice(const std::string& option, const std::string& text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  std::string name = text.substr(0, colon);
  std::replace(name.begin(), name.end(), '-', ' ');
  const auto& names = workshop::check_names();
  if (std::find(names.begin(), names.end(), name) != names.end())
    return {name, colon < text.size() ? text.substr(colon + 1) : ""};
  const std::string meant = nearest(name, names);
  throw base::UsageError(
      option + ": unknown check '" + base::shortened(base::valid_utf8(text), 80) + "'" +
      (meant.empty() ? "; `sluice plugin check --help` lists them" : "; did you mean '" + meant + "'?"));
}

std::vector<workshop::CheckChoice> parse_check_choices(const std::string& option,
                                                       const std::vector<std::string>& texts) {
  std::vector<workshop::CheckChoice> choices;
  choices.reserve(texts.size());
  for (const std::string& text : texts) choices.push_back(parse_check_choice(option, text));
  return choices;
}

std::vector<workshop::Waiver> parse_waivers(const std::vector<std::string>& texts) {
  std::vector<workshop::Waiver> waivers;
  waivers.reserve(texts.size());
  for (const std::string& text : texts) {
    const std::size_t equals = std::min(text.find('='), text.size());
    const workshop::CheckChoice of = parse_check_choice("--waive", text.substr(0, equals));
    const std::string reason = equals < text.size() ? text.substr(equals + 1) : "";
    if (reason.find_first_not_of(" \t\n") == std::string::npos) {
      throw base::UsageError("--waive '" + text + "' gives no reason; expected --waive '" +
                             text.substr(0, equals) + "=why it may fail'");
    }
    waivers.push_back({of, reason});
  }
  return waivers;
}

std::string list_of_checks() {
  constexpr std::size_t page = 78;
  std::string text;
  std::string line = " ";
  for (const std::string& name : workshop::check_names()) {
    const bool last = name == workshop::check_names().back();
    if (line.size() + name.size() + 2 > page) {
      text += line + "\n";
      line = " ";
    }
    line += " " + name + (last ? "" : ",");
  }
  return text + line;
}

}  // namespace sluice::cli
