#include "cli/plugin/scaffold.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/text.hpp"
#include "cli/plugin/example_files.hpp"
#include "config/config.hpp"

namespace sluice::cli {

namespace {

constexpr std::string_view small_letters = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view name_characters = "abcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view type_characters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-:/";
/// Target names that CMake or its generators reserve.
constexpr std::array<std::string_view, 13> cmake_targets{
    "all",     "clean",          "depend",     "edit_cache",    "help", "install", "list_install_components",
    "package", "package_source", "preinstall", "rebuild_cache", "test", "codegen"};

/// Texts of an example and their replacements. If one text is the beginning of another, the longer comes
/// first.
using Replacements = std::vector<std::pair<std::string_view, std::string>>;

bool consists_of(std::string_view name, std::string_view allowed, std::size_t longest) {
  return !name.empty() && name.size() <= longest && name.find_first_not_of(allowed) == std::string_view::npos;
}

void check_name(Language language, const std::string& name) {
  const std::string shown = "invalid plugin name '" + base::shortened(base::valid_utf8(name), 80) + "': ";
  if (!consists_of(name, name_characters, 64)) {
    throw base::UsageError(shown + "use 1 to 64 characters from a-z 0-9 - _");
  }
  if (small_letters.find(name.front()) == std::string_view::npos) {
    throw base::UsageError(
        shown + "begin with a letter a-z, because files, targets and crates are named after the plugin");
  }
  const bool with_cmake = language != Language::rust;
  if (with_cmake && std::find(cmake_targets.begin(), cmake_targets.end(), name) != cmake_targets.end()) {
    throw base::UsageError(shown + "CMake reserves it for a target of its own; choose another, such as '" +
                           name + "-jobs'");
  }
  if (language == Language::rust && name == "sluice") {
    throw base::UsageError(
        shown + "its crate would have the same name as Sluice's own, sluice-plugin; choose another");
  }
}

void check_type(const std::string& type) {
  if (consists_of(type, type_characters, 128)) return;
  throw base::UsageError("invalid job type '" + base::shortened(base::valid_utf8(type), 80) +
                         "': use 1 to 128 characters from a-z A-Z 0-9 . _ - : /, for example greeting.send");
}

std::string replaced(std::string_view text, const Replacements& replacements) {
  std::string result;
  while (!text.empty()) {
    const auto found = std::find_if(replacements.begin(), replacements.end(),
                                    [&](const auto& one) { return text.starts_with(one.first); });
    if (found == replacements.end()) {
      result += text.front();
      text.remove_prefix(1);
    } else {
      result += found->second;
      text.remove_prefix(found->first.size());
    }
  }
  return result;
}

/// Replaces phrases of the example first, then its names.
Replacements with_own_words(Replacements names, const std::string& type) {
  const Replacements words{
      {": it greets that person in the log.", ". Until you make the handler do more, it logs that name."},
      {": greets a person in the log.", ": until you make it do more, it logs the name in its payload."},
      {"Greets people in the log", "Handles jobs of type " + type},
      {"Greets a person", "Logs the name in the payload of " + type}};
  names.insert(names.begin(), words.begin(), words.end());
  return names;
}

/// The path in the project of a file under `directory` in the tree; nullopt if it is elsewhere.
std::optional<std::string_view> below(std::string_view directory, std::string_view path) {
  if (!path.starts_with(directory)) return std::nullopt;
  return path.substr(directory.size());
}

/// Adds every file under `directory` to `place` in the project, with its names replaced.
void add_files(Scaffold& scaffold, std::string_view directory, const std::string& place,
               const Replacements& replacements) {
  for (const ExampleFile& file : example_files()) {
    const auto path = below(directory, file.path);
    if (!path) continue;
    scaffold.files.push_back({place + replaced(*path, replacements), replaced(file.text, replacements),
                              file.text.starts_with("#!")});
  }
}

Scaffold with_cmake(std::string_view directory, const std::string& name, const std::string& type,
                    const Replacements& names) {
  Scaffold scaffold;
  add_files(scaffold, directory, "", with_own_words(names, type));
  scaffold.commands = {"cmake -S . -B build", "cmake --build build",
                       "ctest --test-dir build --output-on-failure"};
  scaffold.library = "build/" + name + ".so";
  return scaffold;
}

Scaffold with_cargo(const std::string& name, const std::string& type) {
  std::string identifier = name;
  std::replace(identifier.begin(), identifier.end(), '-', '_');
  Scaffold scaffold;
  add_files(scaffold, "examples/hello-plugin-rust/", "",
            with_own_words({{"../../plugin-api/rust", "sluice-plugin"},
                            {"hello-rust-plugin", name + "-plugin"},
                            {"hello_rust_plugin", identifier + "_plugin"},
                            {"hello-rust", name},
                            {"greet.rust", type}},
                           type));
  add_files(scaffold, "plugin-api/rust/", "sluice-plugin/", {});
  scaffold.commands = {"cargo test --offline", "cargo build --offline --release"};
  scaffold.library = "target/release/lib" + identifier + "_plugin.so";
  return scaffold;
}

}  // namespace

Language parse_language(const std::string& name) {
  if (name == "cpp" || name == "c++") return Language::cpp;
  if (name == "c") return Language::c;
  if (name == "rust") return Language::rust;
  throw base::UsageError("unknown language '" + name + "'; choose cpp, c or rust");
}

const char* display_name(Language language) {
  switch (language) {
    case Language::cpp:
      return "C++";
    case Language::c:
      return "C";
    case Language::rust:
      return "Rust";
  }
  return "";
}

Scaffold make_scaffold(Language language, const std::string& name, const std::string& type) {
  check_name(language, name);
  check_type(type);
  switch (language) {
    case Language::cpp:
      return with_cmake("examples/hello-plugin/", name, type, {{"hello.greet", type}, {"hello", name}});
    case Language::c:
      return with_cmake("examples/hello-plugin-c/", name, type,
                        {{"greet.c", type}, {"hello-c", name}, {"hello", name}});
    case Language::rust:
      return with_cargo(name, type);
  }
  return {};
}

}  // namespace sluice::cli
