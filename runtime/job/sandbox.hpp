// What a plugin may do: what it and the operator wrote, and what results.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::job {

/// The beginning of an entry that stands for values of the plugin's configuration: "config:/webhooks/*/url".
/// As a path it may end in "/.." for the folder of the file that the configuration names.
inline constexpr std::string_view reference_mark = "config:";

inline bool is_reference(std::string_view entry) {
  return entry.starts_with(reference_mark);
}

/// What a plugin declares about itself, or [plugin.NAME.sandbox] sets. Absent: not said.
struct SandboxTable {
  bool given = false;  ///< there is a table, though it may be empty
  std::optional<bool> enabled;
  std::optional<std::vector<std::string>> read;
  std::optional<std::vector<std::string>> write;
  std::optional<std::vector<std::string>> connect;
  std::optional<std::string> network;
  std::optional<bool> spawn;
  std::string spawn_if;  ///< a reference: true if the configuration has it
  bool operator==(const SandboxTable&) const = default;
};

class BadSandbox : public std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

/// Reads a JSON object; empty text is a table that is not given. Throws BadSandbox, whose words follow
/// "sandbox ".
SandboxTable parse_sandbox(std::string_view json);

/// The rights of a plugin host. If it is not on, only what every host is refused is refused.
struct Sandbox {
  bool on = false;
  std::vector<std::string> read;   ///< files, and folders with all that they contain
  std::vector<std::string> write;  ///< the same; includes reading
  bool any_network = true;
  std::vector<std::uint16_t> ports;  ///< of TCP, to connect to; if there are any, also UDP
  bool unix_sockets = false;
  bool spawn = true;  ///< may start programs
  bool operator==(const Sandbox&) const = default;

  bool any_sockets() const { return any_network || unix_sockets || !ports.empty(); }
};

/// The tables have no references. The operator's keys, then the plugin's; a key that neither has allows
/// nothing. If neither table is given, or the operator's is not enabled, the sandbox is off. `connect` and
/// `network` are one key.
Sandbox sandbox_of(const SandboxTable& operators, const SandboxTable& declared);

/// For the description of a plugin about which nothing is known yet: nothing is allowed.
Sandbox strictest_sandbox();

/// What of `sandbox` a kernel can't enforce, by the version of its Landlock, 0: none. For people.
std::vector<std::string> unenforceable(const Sandbox& sandbox, int landlock_version);

/// What the sandbox allows, each in a few words: {"read", "/etc/app, /srv"}.
std::vector<std::pair<std::string, std::string>> words_of(const Sandbox& sandbox);

}  // namespace sluice::job
