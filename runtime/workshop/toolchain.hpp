// The tools for building plugins on this machine.
#pragma once

#include <filesystem>
#include <string>

namespace sluice::workshop {

/// The program's path according to PATH; empty if it is not there.
std::filesystem::path find_program(const std::string& name);

/// The value of `key` ("CMAKE_HOME_DIRECTORY") in the cache of a CMake build folder; empty if it has none.
std::string cmake_cache_value(const std::filesystem::path& build, const std::string& key);

/// The path of the running program, if the file still exists.
std::filesystem::path own_program();

/// The folder of the plugin API's CMake package, next to the running program or in the tree from which it was
/// built. Empty if CMake finds it by itself, or it does not exist.
std::filesystem::path plugin_api();

/// The arguments for configuring a project on this machine, in addition to `-S` and `-B`: the machine may
/// have ninja and no make.
bool needs_ninja();

}  // namespace sluice::workshop
