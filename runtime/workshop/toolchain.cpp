#include "workshop/toolchain.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>

namespace sluice::workshop {

namespace fs = std::filesystem;

fs::path find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream directories(path == nullptr ? "" : path);
  std::error_code error;
  for (std::string directory; std::getline(directories, directory, ':');) {
    fs::path program = fs::path(directory.empty() ? "." : directory) / name;
    if (access(program.c_str(), X_OK) == 0 && fs::is_regular_file(program, error)) return program;
  }
  return {};
}

std::string cmake_cache_value(const fs::path& build, const std::string& key) {
  std::ifstream cache(build / "CMakeCache.txt");
  for (std::string line; std::getline(cache, line);) {
    if (line.starts_with(key + ":") && line.find('=') != std::string::npos)
      return line.substr(line.find('=') + 1);
  }
  return "";
}

fs::path own_program() {
  std::error_code error;
  fs::path program = fs::read_symlink("/proc/self/exe", error);
  return fs::exists(program, error) ? program : "/proc/self/exe";
}

fs::path plugin_api() {
  if (std::getenv("Sluice_DIR") != nullptr) return {};
  std::error_code error;
  const fs::path prefix = own_program().parent_path().parent_path();
  const fs::path installed = prefix / "share" / "cmake" / "Sluice";
  if (fs::exists(installed / "SluiceConfig.cmake", error)) {
    return prefix == "/usr" || prefix == "/usr/local" ? fs::path() : installed;
  }
  const std::string sources = cmake_cache_value(prefix, "CMAKE_HOME_DIRECTORY");
  if (sources.empty()) return {};
  const fs::path checkout = fs::path(sources) / "plugin-api" / "cmake";
  return fs::exists(checkout / "SluiceConfig.cmake", error) ? checkout : fs::path();
}

bool needs_ninja() {
  return find_program("make").empty() && !find_program("ninja").empty();
}

}  // namespace sluice::workshop
