// sluice plugin install puts a new file into the plugin directory; sluice plugin rollback restores the former
// one. At every moment the directory contains a complete file of that name, or is unchanged.
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <iostream>
#include <system_error>

#include "base/descriptor.hpp"
#include "base/harmless.hpp"
#include "cli/command.hpp"
#include "cli/plugin/inspection.hpp"
#include "workshop/check.hpp"

namespace sluice::cli {

namespace {

namespace fs = std::filesystem;

/// The former file stays beside the plugin's file. It does not end in .so, so it is never loaded.
constexpr const char* former_suffix = ".former";
constexpr const char* next_step = "Running runtimes load it at `sluice reload`";

struct InstallOptions {
  std::string file;
  std::string name;
};

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

/// Copies `from` to the new file `to`, and syncs it to the disk.
void copy_durably(const std::string& from, const std::string& to) {
  constexpr mode_t mode = 0755;
  std::error_code error;
  fs::copy_file(from, to, fs::copy_options::overwrite_existing, error);
  if (error) throw std::system_error(error, "copying " + from + " to " + to);
  const base::Descriptor copy(open(to.c_str(), O_RDONLY | O_CLOEXEC));
  if (!copy.open() || fchmod(copy.get(), mode) != 0 || fsync(copy.get()) != 0) fail("writing " + to);
}

void sync_directory(const std::string& path) {
  const base::Descriptor directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.open()) fsync(directory.get());
}

/// Removes the file at the end, unless it was renamed before.
class Temporary {
 public:
  explicit Temporary(std::string path) : path_(std::move(path)) {}
  ~Temporary() { unlink(path_.c_str()); }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

std::string described(const fleet::Plugin& plugin) {
  return plugin.spec.name.empty() ? "a file that is refused"
                                  : plugin.spec.name + " " + base::harmless(plugin.spec.version);
}

/// Checks the file and its declarations, and prints the failures.
bool is_sound(const std::string& file, const config::Config& config) {
  workshop::CheckOptions options;
  options.path = file;
  options.start = false;
  options.start_timeout = config.start_timeout;
  options.stop_timeout = config.start_timeout;
  bool sound = true;
  workshop::check_plugin(options, [&](const workshop::Finding& finding) {
    if (finding.verdict != workshop::Verdict::failed) return;
    sound = false;
    std::cerr << "  failed  " << finding.check << (finding.subject.empty() ? "" : " " + finding.subject)
              << ": " << base::harmless(finding.found) << "\n          → " << base::harmless(finding.remedy)
              << "\n";
  });
  return sound;
}

/// Why `installed` would conflict with another plugin: both have the same name or job type. Empty if it does
/// not.
std::string conflict(const fleet::Plugin& installed, const std::vector<fleet::Plugin>& others,
                     const std::string& target, const config::Config& config) {
  for (const fleet::Plugin& other : others) {
    if (other.path == target || other.path == installed.path || other.spec.name.empty()) continue;
    if (other.spec.name == installed.spec.name) {
      return other.path + " also has the plugin name '" + other.spec.name +
             "', so both would be refused; give this file the same name, or remove that one";
    }
    for (const job::TypeSpec& type : installed.spec.types) {
      const auto set = config.types.find(type.name);
      const bool owned = set != config.types.end() && set->second.plugin.has_value();
      const bool both = std::any_of(other.spec.types.begin(), other.spec.types.end(),
                                    [&](const job::TypeSpec& theirs) { return theirs.name == type.name; });
      if (both && !owned) {
        return other.path + " also handles '" + type.name +
               "', so both would be refused for that type; remove that file, or name the owner under "
               "[type.\"" +
               type.name + "\"]";
      }
    }
  }
  return "";
}

/// Keeps `target` as its former file, under a second name. `target` itself stays in place.
void keep_former(const std::string& target) {
  const std::string former = target + former_suffix;
  const Temporary link_name(former + ".new");
  unlink(link_name.path().c_str());
  if (link(target.c_str(), link_name.path().c_str()) != 0) copy_durably(target, link_name.path());
  if (rename(link_name.path().c_str(), former.c_str()) != 0) fail("keeping " + target + " as " + former);
}

/// Throws base::UsageError if `file` can't become `target`.
void check_target(const std::string& given, const std::string& file, const fs::path& target) {
  if (fs::path(file).extension() != ".so")
    throw base::UsageError("'" + given + "' does not end in .so, so no runtime would load it");
  std::error_code same;
  if (fs::equivalent(file, target, same)) throw base::UsageError(target.string() + " is already this file");
  const fs::path directory = target.parent_path();
  if (!fs::is_directory(directory))
    throw base::UsageError("the plugin directory " + directory.string() +
                           " does not exist; create it, or name another one with --plugins");
}

int nothing_installed(const std::string& reason) {
  std::cerr << "sluice: nothing was installed: " << reason << "\n";
  return ExitCode::failed;
}

int install(const GlobalOptions& global, const InstallOptions& options) {
  const config::Config config = global.resolve();
  const fs::path directory = fs::absolute(plugin_directory(config));
  const std::string file = fs::absolute(options.file).string();
  const std::string target = (directory / fs::path(file).filename()).string();
  log::configure(log::Level::off, config.log_format);
  check_target(options.file, file, target);

  // The copy is checked and then installed, even if the original changes meanwhile.
  const Temporary copy((directory / ("." + fs::path(file).filename().string() + ".new")).string());
  copy_durably(file, copy.path());
  if (!is_sound(copy.path(), config)) return nothing_installed(options.file + " failed these checks");
  std::vector<std::string> files = fleet::find_plugins(directory.string());
  files.insert(files.begin(), copy.path());
  const Inspection inspection(config, files);
  const fleet::Plugin& installed = inspection.plugins().front();
  const std::string reason = conflict(installed, inspection.plugins(), target, config);
  if (!reason.empty()) return nothing_installed(base::harmless(reason));
  const auto former = std::find_if(inspection.plugins().begin(), inspection.plugins().end(),
                                   [&](const fleet::Plugin& plugin) { return plugin.path == target; });
  const bool replaces = former != inspection.plugins().end();
  if (replaces) keep_former(target);
  if (rename(copy.path().c_str(), target.c_str()) != 0) fail("installing " + target);
  sync_directory(directory.string());
  std::cout << "installed " << target << ": " << described(installed);
  if (replaces)
    std::cout << ", replacing " << described(*former) << ", which is kept as "
              << fs::path(target).filename().string() << former_suffix;
  std::cout << "\n" << next_step << ".\n";
  return ExitCode::ok;
}

/// The file with that name in the directory, or the file of the plugin with that name.
std::string file_of(const std::string& name, const fs::path& directory, const config::Config& config) {
  const std::string file = name.ends_with(".so") ? name : name + ".so";
  if (fs::exists(directory / file)) return (directory / file).string();
  const Inspection inspection(config, fleet::find_plugins(directory.string()));
  for (const fleet::Plugin& plugin : inspection.plugins()) {
    if (plugin.spec.name == name) return plugin.path;
  }
  throw base::UsageError("there is no plugin '" + name + "' in " + directory.string() +
                         "; `sluice plugin list` shows the plugins");
}

/// Exchanges both files at once, or step by step if the file system can't. At no moment is `a` missing.
void exchange(const std::string& a, const std::string& b) {
  if (renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0) return;
  if (errno != EINVAL && errno != ENOSYS) fail("exchanging " + a + " and " + b);
  const Temporary copy(a + ".new");
  copy_durably(a, copy.path());
  if (rename(b.c_str(), a.c_str()) != 0) fail("renaming " + b + " to " + a);
  if (rename(copy.path().c_str(), b.c_str()) != 0) fail("renaming " + copy.path() + " to " + b);
}

int rollback(const GlobalOptions& global, const InstallOptions& options) {
  const config::Config config = global.resolve();
  const fs::path directory = fs::absolute(plugin_directory(config));
  log::configure(log::Level::off, config.log_format);
  const std::string target = file_of(options.name, directory, config);
  const std::string former = target + former_suffix;
  if (!fs::exists(former)) {
    std::cerr << "sluice: there is no former file of " << target
              << "; `sluice plugin install` keeps one when it replaces a file\n";
    return ExitCode::failed;
  }
  const Inspection now(config, {target});
  const Inspection before(config, {former});
  if (before.plugins().front().state == fleet::PluginState::refused) {
    std::cerr << "sluice: nothing was changed: the former file would be refused: "
              << base::harmless(before.plugins().front().reason) << "\n";
    return ExitCode::failed;
  }
  exchange(target, former);
  sync_directory(directory.string());
  std::cout << target << " is " << described(before.plugins().front()) << " again; "
            << described(now.plugins().front()) << " is kept as " << fs::path(former).filename().string()
            << ", and another rollback restores it\n"
            << next_step << ".\n";
  return ExitCode::ok;
}

}  // namespace

void add_plugin_install(const Command& plugin, GlobalOptions& global, int& code) {
  static InstallOptions options;
  const Command install_command = plugin.add_subcommand(
      "install", "Check a plugin and install it into the plugin directory; keeps the former file");
  add_log_options(install_command, global);
  add_plugin_options(install_command, global);
  install_command.add_option("FILE", options.file, "The plugin's .so file").required();
  add_examples(install_command, "  sluice plugin install build/mine.so --plugins /usr/lib/sluice/plugins");
  install_command.callback([&] { code = install(global, options); });

  const Command rollback_command = plugin.add_subcommand("rollback", "Restore the former file of a plugin");
  add_log_options(rollback_command, global);
  add_plugin_options(rollback_command, global);
  rollback_command.add_option("NAME", options.name, "The name of the plugin, or of its file").required();
  add_examples(rollback_command, "  sluice plugin rollback mine --plugins /usr/lib/sluice/plugins");
  rollback_command.callback([&] { code = rollback(global, options); });
}

}  // namespace sluice::cli
