// What this machine has for building plugins.
#pragma once

#include <filesystem>
#include <string>

namespace sluice::workshop {

/// Where PATH has the program; empty where it has none.
std::filesystem::path find_program(const std::string& name);

/// The value of `key` ("CMAKE_HOME_DIRECTORY") in the cache of a folder that CMake builds in; empty where
/// there is none.
std::string cmake_cache_value(const std::filesystem::path& build, const std::string& key);

/// The program that runs: its path, as far as it is still there.
std::filesystem::path own_program();

/// Where CMake's part of the plugin API is, beside the program that runs or in the tree that it was built
/// from; empty where CMake finds it by itself, or it is nowhere.
std::filesystem::path plugin_api();

/// What configuring a project takes beside `-S` and `-B`, on this machine: it may have ninja and no make.
bool needs_ninja();

}  // namespace sluice::workshop
