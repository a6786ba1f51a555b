// sluice plugin lock: records the digests of a directory's plugins in sluice.lock, which a runtime compares.
#include <filesystem>
#include <iostream>

#include "base/harmless.hpp"
#include "base/refusal.hpp"
#include "base/usage_error.hpp"
#include "cli/command.hpp"
#include "fleet/fleet.hpp"
#include "trust/lock_file.hpp"

namespace sluice::cli {

namespace {

struct LockOptions {
  std::string directory;
  bool check = false;
};

trust::Digests present_digests(const std::string& directory) {
  trust::Digests digests;
  for (const std::string& file : fleet::find_plugins(directory)) {
    try {
      digests[std::filesystem::path(file).filename().string()] = trust::digest_of(file);
    } catch (const base::Refusal& refusal) {
      throw base::UsageError(file + ": " + refusal.what());
    }
  }
  return digests;
}

trust::Digests locked_digests(const std::string& directory) {
  std::optional<trust::Digests> locked;
  try {
    locked = trust::read_lock(directory);
  } catch (const base::Refusal& refusal) {
    throw base::UsageError(refusal.what());
  }
  if (locked) return *locked;
  throw base::UsageError("'" + directory + "' has no " + trust::lock_name +
                         "; write it: sluice plugin lock " + directory);
}

/// "changed", or whatever else is wrong; empty if the file is as it was locked.
std::string difference(const std::string& name, const trust::Digests& locked, const trust::Digests& present) {
  const auto then = locked.find(name);
  const auto now = present.find(name);
  if (then == locked.end()) return "not in the lock";
  if (now == present.end()) return "missing";
  return then->second == now->second ? "" : "changed";
}

int compare(const std::string& directory) {
  const trust::Digests locked = locked_digests(directory);
  const trust::Digests present = present_digests(directory);
  trust::Digests all = locked;
  all.insert(present.begin(), present.end());
  int code = ExitCode::ok;
  for (const auto& [name, digest] : all) {
    const std::string words = difference(name, locked, present);
    std::cout << "  " << base::harmless(name) << ": " << (words.empty() ? "as locked" : words) << "\n";
    if (!words.empty()) code = ExitCode::failed;
  }
  return code;
}

int lock(const std::string& directory) {
  const trust::Digests digests = present_digests(directory);
  trust::write_lock(directory, digests);
  std::cout << directory << "/" << trust::lock_name << " has the digests of " << digests.size()
            << (digests.size() == 1 ? " plugin" : " plugins") << "\n";
  return ExitCode::ok;
}

}  // namespace

void add_plugin_lock(const Command& plugin, int& code) {
  static LockOptions options;
  const Command command = plugin.add_subcommand(
      "lock", "Record the digests of a directory's plugins, so that a runtime refuses others");
  command.add_option("DIR", options.directory, "The plugin directory").required();
  command.add_flag("--check", options.check, "Write nothing; exit with 1 if a plugin differs from the lock");
  add_examples(command,
               "  sluice plugin lock /usr/lib/sluice/plugins\n"
               "  sluice plugin lock /usr/lib/sluice/plugins --check\n");
  command.callback([&code] { code = options.check ? compare(options.directory) : lock(options.directory); });
}

}  // namespace sluice::cli
