// The project that `sluice plugin new` creates: the files of an example under another name. Only values:
// nothing is read or written here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

enum class Language { cpp, c, rust };

/// Parses "cpp", "c" or "rust". Throws base::UsageError for any other.
Language parse_language(const std::string& name);
/// "C++", "C", "Rust".
const char* display_name(Language language);

struct ScaffoldFile {
  std::string path;  ///< relative to the project
  std::string text;
  bool executable;
};

struct Scaffold {
  std::vector<ScaffoldFile> files;
  std::vector<std::string> commands;  ///< which build and test it, in its directory
  std::string library;                ///< the library that they build, relative to the project
};

/// Throws base::UsageError if the name is invalid for a plugin or for a project in that language, or if the
/// job type is invalid.
Scaffold make_scaffold(Language language, const std::string& name, const std::string& type);

}  // namespace sluice::cli
