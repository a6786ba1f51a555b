// sluice plugin new: creates a project for a handler from the examples.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <iostream>
#include <string_view>
#include <system_error>

#include "base/descriptor.hpp"
#include "base/shell_word.hpp"
#include "cli/command.hpp"
#include "cli/plugin/scaffold.hpp"
#include "workshop/toolchain.hpp"

namespace sluice::cli {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& what, const std::string& path, int error) {
  throw std::runtime_error("can't " + what + " " + path + ": " + std::generic_category().message(error));
}

void write_file(const fs::path& path, const ScaffoldFile& file, std::vector<fs::path>& made) {
  const base::Descriptor fd(
      open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file.executable ? 0777 : 0666));
  if (!fd.open()) fail("create", path.string(), errno);
  made.push_back(path);
  std::string_view left = file.text;
  while (!left.empty()) {
    const ssize_t written = write(fd.get(), left.data(), left.size());
    if (written < 0) fail("write", path.string(), errno);
    left.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// The files created so far. They are removed at the end, unless finish() is called.
class Unfinished {
 public:
  ~Unfinished() {
    std::error_code ignored;  // a directory that holds what others put there stays
    for (auto path = made_.rbegin(); path != made_.rend(); ++path) fs::remove(*path, ignored);
  }
  void directory(const fs::path& path) {
    if (path.empty() || fs::is_directory(path)) return;
    directory(path.parent_path());
    std::error_code error;
    if (fs::create_directory(path, error)) made_.push_back(path);
    if (error) fail("create", path.string(), error.value());
  }
  void file(const fs::path& path, const ScaffoldFile& file) {
    directory(path.parent_path());
    write_file(path, file, made_);
  }
  void finish() { made_.clear(); }

 private:
  std::vector<fs::path> made_;
};

void write_project(const fs::path& place, const Scaffold& scaffold) {
  std::error_code none;
  if (fs::exists(place, none) && !(fs::is_directory(place, none) && fs::is_empty(place, none))) {
    throw base::UsageError(place.string() +
                           " already exists and is not overwritten; choose another directory with --dir");
  }
  Unfinished project;
  project.directory(place);
  for (const ScaffoldFile& file : scaffold.files) project.file(place / file.path, file);
  project.finish();
}

/// Adds what this machine needs: it may have only ninja, and Sluice may be built but not installed.
std::string configured_here(std::string command) {
  if (!command.starts_with("cmake -S ")) return command;
  if (workshop::needs_ninja()) command += " -G Ninja";
  const fs::path api = workshop::plugin_api();
  return api.empty() ? command : command + " " + base::shell_word("-DSluice_DIR=" + api.string());
}

void print_next_steps(const fs::path& directory, const std::string& type, const Scaffold& scaffold) {
  const std::string place = base::shell_word(directory.string());
  std::cout << "Next, build and serve it, again whenever a file is saved:\n  sluice plugin dev " << place
            << "\n\nOr step by step:\n  cd " << place << "\n";
  for (const std::string& command : scaffold.commands) std::cout << "  " << configured_here(command) << "\n";
  std::cout << "  sluice plugin run " << scaffold.library << " " << type << " @example.json\n\n"
            << "README.md describes the files, and how to use the plugin.\n";
}

int make_plugin(const std::string& name, const std::string& type, const std::string& language,
                const std::string& directory) {
  const Language spoken = parse_language(language);
  const Scaffold scaffold = make_scaffold(spoken, name, type);
  const fs::path place = directory.empty() ? fs::path(name) : fs::path(directory);
  write_project(place, scaffold);
  std::cout << "created " << place.string() << ": plugin " << name << " in " << display_name(spoken)
            << ", which handles " << type << "\n\n";
  print_next_steps(place, type, scaffold);
  return ExitCode::ok;
}

}  // namespace

void add_plugin_new(const Command& plugin, int& code) {
  static std::string name;
  static std::string type;
  static std::string language = "cpp";
  static std::string directory;
  const Command command =
      plugin.add_subcommand("new", "Create a project for a handler: code, schema, test, README, CI file");
  command.add_option("NAME", name, "The plugin's name: 1 to 64 characters from a-z 0-9 - _").required();
  command.add_option("--type", type, "The job type that it handles, such as greeting.send").required();
  command.add_option("--lang", language, "The language: cpp, c or rust [cpp]");
  command.add_option("--dir", directory,
                     "The folder to create, which must not exist or must be empty [./NAME]");
  add_examples(command,
               "  sluice plugin new greeter --type greeting.send\n"
               "  sluice plugin new greeter --type greeting.send --lang rust --dir ~/src/greeter");
  command.callback([&] { code = make_plugin(name, type, language, directory); });
}

}  // namespace sluice::cli
