// What a shared library shows to the dynamic linker: symbols, needed libraries, run paths, thread-local
// storage. It only reads the file.
#pragma once

#include <string>
#include <vector>

namespace sluice::host {

struct ElfFacts {
  std::vector<std::string> exported;   ///< sorted, as the linker names them
  std::vector<std::string> undefined;  ///< sorted; weak ones, which may stay so, are left out
  std::vector<std::string> needed;     ///< in order
  std::vector<std::string> run_paths;  ///< each directory of DT_RPATH and DT_RUNPATH
  bool static_tls = false;             ///< wants room in the static block of thread-local storage
};

/// Throws Refusal.
ElfFacts read_elf_facts(const std::string& path);

/// Which of `symbols` neither the library at `path`, which is open in this process, defines nor one that it
/// needs, at any depth: the program or another library lends them. Sorted as given.
std::vector<std::string> borrowed_symbols(const std::string& path, const std::vector<std::string>& symbols);

}  // namespace sluice::host
