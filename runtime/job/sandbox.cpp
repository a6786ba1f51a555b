#include "job/sandbox.hpp"

#include <rapidjson/document.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/text.hpp"

namespace sluice::job {

namespace {

constexpr std::string_view unix_word = "unix";

using Words = std::vector<std::string>;

std::string quoted(std::string_view key) {
  return "'" + std::string(key) + "'";
}

bool truth(std::string_view key, const rapidjson::Value& value) {
  if (!value.IsBool()) throw BadSandbox(quoted(key) + " must be true or false");
  return value.GetBool();
}

Words list(std::string_view key, const rapidjson::Value& value, const char* of_what) {
  const auto bad = [&] { return BadSandbox(quoted(key) + " must be a list of " + of_what); };
  if (!value.IsArray()) throw bad();
  Words words;
  for (const auto& one : value.GetArray()) {
    if (one.IsUint()) {
      words.push_back(std::to_string(one.GetUint()));
    } else if (one.IsString()) {
      words.emplace_back(one.GetString(), one.GetStringLength());
    } else {
      throw bad();
    }
  }
  return words;
}

/// Throws BadSandbox if a reference is no JSON pointer.
bool is_valid_reference(std::string_view key, const std::string& entry) {
  if (!is_reference(entry)) return false;
  if (entry.size() > reference_mark.size() + 1 && entry[reference_mark.size()] == '/') return true;
  throw BadSandbox(quoted(key) + " has '" + entry +
                   "', expected a place in the plugin's configuration such as config:/smtp/ca_file");
}

Words paths(std::string_view key, const rapidjson::Value& value) {
  Words all = list(key, value, "absolute paths");
  for (const std::string& path : all) {
    if (is_valid_reference(key, path)) continue;
    if (path.starts_with('/') && path.find('\0') == std::string::npos) continue;
    throw BadSandbox(quoted(key) + " must be a list of absolute paths, found '" + path + "'");
  }
  return all;
}

std::optional<std::uint16_t> port(const std::string& text) {
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number == 0) return std::nullopt;
  return number;
}

Words peers(std::string_view key, const rapidjson::Value& value) {
  constexpr const char* what = "TCP ports from 1 to 65535 and \"unix\"";
  Words all = list(key, value, what);
  for (const std::string& peer : all) {
    if (!is_valid_reference(key, peer) && peer != unix_word && !port(peer))
      throw BadSandbox(quoted(key) + " must be a list of " + what + ", found '" + peer + "'");
  }
  return all;
}

std::string network(std::string_view key, const rapidjson::Value& value) {
  std::string text = value.IsString() ? value.GetString() : "";
  if (text != "any" && text != "none") throw BadSandbox(quoted(key) + " must be \"any\" or \"none\"");
  return text;
}

void take_spawn(SandboxTable& table, std::string_view key, const rapidjson::Value& value) {
  if (value.IsString() && is_valid_reference(key, value.GetString())) {
    table.spawn_if = value.GetString();
  } else {
    table.spawn = truth(key, value);
  }
}

void take(SandboxTable& table, std::string_view key, const rapidjson::Value& value) {
  if (key == "enabled") {
    table.enabled = truth(key, value);
  } else if (key == "read") {
    table.read = paths(key, value);
  } else if (key == "write") {
    table.write = paths(key, value);
  } else if (key == "connect") {
    table.connect = peers(key, value);
  } else if (key == "network") {
    table.network = network(key, value);
  } else if (key == "spawn") {
    take_spawn(table, key, value);
  } else {
    throw BadSandbox("has the unknown key " + quoted(key) +
                     "; known here: connect enabled network read spawn write");
  }
}

/// Takes the network's part from the first of the tables that has one.
void take_network(Sandbox& sandbox, const SandboxTable& operators, const SandboxTable& declared) {
  const SandboxTable& table = operators.network || operators.connect ? operators : declared;
  sandbox.any_network = table.network == "any";
  for (const std::string& peer : table.connect.value_or(Words{})) {
    if (const auto number = port(peer)) sandbox.ports.push_back(*number);
    if (peer == unix_word) sandbox.unix_sockets = true;
  }
}

template <class Value>
Value first(const std::optional<Value>& one, const std::optional<Value>& other) {
  return one ? *one : other.value_or(Value{});
}

std::string network_words(const Sandbox& sandbox) {
  if (sandbox.any_network) return "any network";
  Words words;
  for (const std::uint16_t number : sandbox.ports) words.push_back("TCP port " + std::to_string(number));
  if (!sandbox.ports.empty()) words.emplace_back("UDP");
  if (sandbox.unix_sockets) words.emplace_back("Unix sockets");
  return words.empty() ? "no network" : base::joined(words);
}

}  // namespace

SandboxTable parse_sandbox(std::string_view json) {
  SandboxTable table;
  if (json.empty()) return table;
  table.given = true;
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  if (document.HasParseError() || !document.IsObject()) throw BadSandbox("must be a table, or a JSON object");
  std::for_each(document.MemberBegin(), document.MemberEnd(), [&](const auto& member) {
    take(table, {member.name.GetString(), member.name.GetStringLength()}, member.value);
  });
  if (table.network && table.connect)
    throw BadSandbox("has 'network' and 'connect', which exclude each other; keep one");
  return table;
}

Sandbox sandbox_of(const SandboxTable& operators, const SandboxTable& declared) {
  Sandbox sandbox;
  sandbox.on = operators.enabled.value_or(true) && (operators.given || declared.given);
  if (!sandbox.on) return sandbox;
  sandbox.read = first(operators.read, declared.read);
  sandbox.write = first(operators.write, declared.write);
  sandbox.spawn = first(operators.spawn, declared.spawn);
  take_network(sandbox, operators, declared);
  return sandbox;
}

Sandbox strictest_sandbox() {
  Sandbox sandbox;
  sandbox.on = true;
  sandbox.any_network = false;
  sandbox.spawn = false;
  return sandbox;
}

std::vector<std::string> unenforceable(const Sandbox& sandbox, int landlock_version) {
  struct Feature {
    int version;
    bool wanted;
    const char* words;
  };
  const Feature features[] = {
      {1, true, "reading and writing files"},
      {3, landlock_version >= 1, "truncating files"},
      {4, !sandbox.ports.empty(), "the ports of TCP"},
      {6, true, "signals to other processes"},
      {6, sandbox.unix_sockets || sandbox.any_network, "abstract Unix sockets"},
  };
  Words words;
  for (const Feature& feature : features) {
    if (sandbox.on && feature.wanted && landlock_version < feature.version) words.emplace_back(feature.words);
  }
  return words;
}

std::vector<std::pair<std::string, std::string>> words_of(const Sandbox& sandbox) {
  if (!sandbox.on) return {{"sandbox", "none: all that the runtime's user may do"}};
  const auto or_nothing = [](const Words& words) { return words.empty() ? "nothing" : base::joined(words); };
  return {{"may read", or_nothing(sandbox.read) + ", besides the system's files"},
          {"may write", or_nothing(sandbox.write)},
          {"may use", network_words(sandbox)},
          {"may start", sandbox.spawn ? "programs" : "no programs"}};
}

}  // namespace sluice::job
