#include "workshop/plugin_project.hpp"

#include <rapidjson/document.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

#include "base/descriptor.hpp"
#include "base/threads.hpp"
#include "base/usage_error.hpp"
#include "workshop/toolchain.hpp"

namespace sluice::workshop {

namespace {

namespace fs = std::filesystem;

rapidjson::Document read_json(const std::string& text) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
  if (document.HasParseError()) document.SetNull();
  return document;
}

rapidjson::Document read_json(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return read_json(std::string(std::istreambuf_iterator<char>(file), {}));
}

/// The member at the end of the path; null if a step of it is missing.
const rapidjson::Value& at(const rapidjson::Value& value, const std::vector<const char*>& way) {
  static const rapidjson::Value none;
  const rapidjson::Value* found = &value;
  for (const char* key : way) {
    if (!found->IsObject()) return none;
    const auto member = found->FindMember(key);
    if (member == found->MemberEnd()) return none;
    found = &member->value;
  }
  return *found;
}

std::string text_at(const rapidjson::Value& value, const std::vector<const char*>& way) {
  const rapidjson::Value& found = at(value, way);
  return found.IsString() ? found.GetString() : "";
}

bool has_text(const rapidjson::Value& list, const std::string& text) {
  return list.IsArray() && std::any_of(list.Begin(), list.End(), [&](const auto& one) {
           return one.IsString() && one.GetString() == text;
         });
}

/// The program's path. Throws if there is none.
std::string needed_program(const std::string& name, const fs::path& directory, const std::string& remedy) {
  const fs::path program = find_program(name);
  if (!program.empty()) return program.string();
  throw std::runtime_error("can't build " + directory.string() + ": there is no program '" + name +
                           "' on the PATH; " + remedy);
}

/// A project with a CMakeLists.txt. CMake's file API tells which targets are plugins: sluice_add_plugin makes
/// module libraries.
class CMakeProject : public PluginProject {
 public:
  CMakeProject(const fs::path& directory, const fs::path& folder)
      : PluginProject(directory, folder.empty() ? directory / "build" : folder),
        cmake_(needed_program("cmake", directory, "install the package cmake")) {
    const bool builder = !find_program("make").empty() || !find_program("ninja").empty();
    if (!builder && std::getenv("CMAKE_GENERATOR") == nullptr) {
      throw std::runtime_error("can't build " + directory.string() +
                               ": there is neither 'make' nor 'ninja' on the PATH; install the package make");
    }
  }

  Built build(const Run& run, const std::set<std::string>& changed) override {
    if (!configured_ || std::any_of(changed.begin(), changed.end(), configures)) {
      configured_ = false;
      ask_for_targets();
      if (run(configuration()) != 0) return {false, {}, missing_compiler()};
      configured_ = true;
    }
    const Targets targets = read_targets();
    if (targets.names.empty())
      return {false, {}, "its CMakeLists.txt declares no plugin: call sluice_add_plugin(NAME SOURCE...)"};
    return {run(compilation(targets.names)) == 0, targets.libraries, ""};
  }

  bool writes(const std::string&) const override { return false; }

 private:
  struct Targets {
    std::vector<std::string> names;
    std::vector<fs::path> libraries;
  };

  static bool configures(const std::string& file) {
    return fs::path(file).filename() == "CMakeLists.txt" || file.ends_with(".cmake") ||
           fs::path(file).filename() == "CMakePresets.json";
  }

  fs::path file_api() const { return folder() / ".cmake" / "api" / "v1"; }

  void ask_for_targets() const {
    const fs::path question = file_api() / "query" / "client-sluice" / "codemodel-v2";
    std::error_code error;
    fs::create_directories(question.parent_path(), error);
    if (!error && std::ofstream(question)) return;
    throw std::runtime_error("can't write " + question.string() + ": " +
                             (error ? error : std::error_code(errno, std::generic_category())).message() +
                             "; name a writable folder with --build-dir");
  }

  Launch configuration() const {
    Launch launch;
    launch.words = {cmake_, "-S", directory().string(), "-B", folder().string()};
    std::error_code error;
    const bool anew = !fs::exists(folder() / "CMakeCache.txt", error);
    if (anew && needs_ninja()) launch.words.insert(launch.words.end(), {"-G", "Ninja"});
    const std::string known = cmake_cache_value(folder(), "Sluice_DIR");
    const fs::path api = plugin_api();
    if (!api.empty() && (known.empty() || known.ends_with("-NOTFOUND")))
      launch.words.push_back("-DSluice_DIR=" + api.string());
    return launch;
  }

  Launch compilation(const std::vector<std::string>& targets) const {
    const unsigned cores = std::max(1U, base::Thread::cores());
    Launch launch;
    launch.words = {cmake_, "--build", folder().string(), "--parallel", std::to_string(cores), "--target"};
    launch.words.insert(launch.words.end(), targets.begin(), targets.end());
    return launch;
  }

  Targets read_targets() const {
    std::string newest;  // of CMake's replies, whose names sort by time
    std::error_code error;
    for (auto entry = fs::directory_iterator(file_api() / "reply", error);
         !error && entry != fs::directory_iterator(); entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      if (name.starts_with("index-")) newest = std::max(newest, name);
    }
    const fs::path reply = file_api() / "reply";
    const auto index = read_json(reply / newest);
    const auto model =
        read_json(reply / text_at(index, {"reply", "client-sluice", "codemodel-v2", "jsonFile"}));
    const rapidjson::Value& configurations = at(model, {"configurations"});
    Targets found;
    if (!configurations.IsArray() || configurations.Empty()) return found;
    const rapidjson::Value& targets = at(configurations[0], {"targets"});
    if (!targets.IsArray()) return found;
    for (const auto& listed : targets.GetArray()) {
      const auto target = read_json(reply / text_at(listed, {"jsonFile"}));
      if (text_at(target, {"type"}) != "MODULE_LIBRARY") continue;
      found.names.push_back(text_at(target, {"name"}));
      const rapidjson::Value& artifacts = at(target, {"artifacts"});
      if (!artifacts.IsArray()) continue;
      for (const auto& artifact : artifacts.GetArray())
        found.libraries.push_back(folder() / text_at(artifact, {"path"}));
    }
    return found;
  }

  /// CMake reports that it found none, but not what to do.
  static std::string missing_compiler() {
    const bool named = std::getenv("CC") != nullptr || std::getenv("CXX") != nullptr;
    for (const char* name : {"c++", "g++", "clang++", "cc", "gcc", "clang"}) {
      if (named || !find_program(name).empty()) return "";
    }
    return "there is no compiler on the PATH: install the package g++, for C and C++";
  }

  const std::string cmake_;
  bool configured_ = false;
};

/// A project with a Cargo.toml. Cargo reports what it built as JSON on its standard output, one object per
/// line, and writes its messages for people to standard error.
class CargoProject : public PluginProject {
 public:
  CargoProject(const fs::path& directory, const fs::path& folder)
      : PluginProject(directory, folder.empty() ? directory / "target" : folder),
        cargo_(needed_program("cargo", directory, "install the package cargo")),
        named_folder_(!folder.empty()) {}

  Built build(const Run& run, const std::set<std::string>&) override {
    const base::Descriptor words(memfd_create("cargo", MFD_CLOEXEC));
    if (!words.open()) throw std::system_error(errno, std::generic_category(), "listening to cargo");
    Launch launch;
    launch.words = {cargo_, "build", "--release", "--message-format=json-render-diagnostics"};
    if (named_folder_) launch.words.insert(launch.words.end(), {"--target-dir", folder().string()});
    launch.directory = directory().string();
    launch.out = words.get();
    Built built;
    built.good = run(launch) == 0;
    if (!built.good) return built;
    built.libraries = libraries(words.get());
    if (built.libraries.empty())
      return {
          false, {}, R"(its Cargo.toml builds no plugin: crate-type = ["cdylib"] is missing under [lib])"};
    return built;
  }

  bool writes(const std::string& file) const override { return file == "Cargo.lock"; }

 private:
  static std::vector<fs::path> libraries(int words) {
    std::vector<fs::path> found;
    std::ifstream lines("/proc/self/fd/" + std::to_string(words));
    for (std::string line; std::getline(lines, line);) {
      const auto message = read_json(line);
      const rapidjson::Value& files = at(message, {"filenames"});
      if (!has_text(at(message, {"target", "kind"}), "cdylib") || !files.IsArray()) continue;
      for (const auto& file : files.GetArray()) {
        if (file.IsString() && fs::path(file.GetString()).extension() == ".so")
          found.emplace_back(file.GetString());
      }
    }
    return found;
  }

  const std::string cargo_;
  const bool named_folder_;
};

}  // namespace

std::unique_ptr<PluginProject> PluginProject::open(const fs::path& directory, const fs::path& folder) {
  std::error_code error;
  if (fs::exists(directory / "CMakeLists.txt", error))
    return std::make_unique<CMakeProject>(directory, folder);
  if (fs::exists(directory / "Cargo.toml", error)) return std::make_unique<CargoProject>(directory, folder);
  const bool there = fs::is_directory(directory, error);
  throw base::UsageError(
      (there ? directory.string() + " is not a plugin project: it has neither CMakeLists.txt nor Cargo.toml"
             : "there is no folder " + directory.string()) +
      "; `sluice plugin new NAME --type TYPE` creates a project");
}

}  // namespace sluice::workshop
