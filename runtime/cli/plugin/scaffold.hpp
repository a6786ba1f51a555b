// The project that `sluice plugin new` makes: the files of an example under another name. Values only:
// nothing is read or written here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

enum class Language { cpp, c, rust };

/// "cpp", "c", "rust". Throws base::UsageError for any other.
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
  std::vector<std::string> commands;  ///< that build and test it, in its directory
  std::string library;                ///< what they build, relative to the project
};

/// Throws base::UsageError for a name that a plugin, or a project in that language, can't have, and for a
/// type's name that is none.
Scaffold make_scaffold(Language language, const std::string& name, const std::string& type);

}  // namespace sluice::cli
