// What a shared library exposes to the dynamic linker: symbols, needed libraries, run paths, thread-local
// storage. The code only reads the file.
#pragma once

#include <string>
#include <vector>

namespace sluice::host {

struct ElfFacts {
  std::vector<std::string> exported;   ///< sorted, as the linker names them
  std::vector<std::string> undefined;  ///< sorted, without weak ones, which may stay undefined
  std::vector<std::string> needed;     ///< in order
  std::vector<std::string> run_paths;  ///< each directory of DT_RPATH and DT_RUNPATH
  bool static_tls = false;             ///< needs space in the static block of thread-local storage
};

/// Throws Refusal.
ElfFacts read_elf_facts(const std::string& path);

/// Those of `symbols` that neither the library at `path`, which is open in this process, nor any library that
/// it needs, at any depth, defines. The program or another library provides them. In the given order.
std::vector<std::string> borrowed_symbols(const std::string& path, const std::vector<std::string>& symbols);

}  // namespace sluice::host
