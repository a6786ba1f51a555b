#include "host/elf_facts.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <string_view>
#include <system_error>

#include "base/descriptor.hpp"
#include "host/elf_file.hpp"

namespace sluice::host {

namespace {

/// A table of NUL-terminated strings. Any offset may be requested.
class Strings {
 public:
  explicit Strings(std::vector<char> bytes) : bytes_(std::move(bytes)) {}
  std::string at(std::size_t offset) const {
    if (offset >= bytes_.size()) return {};
    return {bytes_.data() + offset, strnlen(bytes_.data() + offset, bytes_.size() - offset)};
  }

 private:
  static std::size_t strnlen(const char* text, std::size_t most) {
    return static_cast<std::size_t>(std::find(text, text + most, '\0') - text);
  }
  std::vector<char> bytes_;
};

Strings strings_of(const ElfFile& file, const std::vector<Elf64_Shdr>& sections, const Elf64_Shdr& section) {
  if (section.sh_link >= sections.size()) return Strings({});
  const Elf64_Shdr& table = sections[section.sh_link];
  return Strings(file.array<char>(table.sh_offset, table.sh_size));
}

bool is_visible(const Elf64_Sym& symbol) {
  const unsigned char binding = ELF64_ST_BIND(symbol.st_info);
  const unsigned char visibility = ELF64_ST_VISIBILITY(symbol.st_other);
  const unsigned char type = ELF64_ST_TYPE(symbol.st_info);
  return binding != STB_LOCAL && (visibility == STV_DEFAULT || visibility == STV_PROTECTED) &&
         type != STT_SECTION && type != STT_FILE;
}

void read_symbols(const ElfFile& file, const std::vector<Elf64_Shdr>& sections, const Elf64_Shdr& table,
                  ElfFacts& facts) {
  const Strings names = strings_of(file, sections, table);
  std::set<std::string> exported;
  std::set<std::string> undefined;
  for (const Elf64_Sym& symbol : file.array<Elf64_Sym>(table.sh_offset, table.sh_size / sizeof(Elf64_Sym))) {
    const std::string name = names.at(symbol.st_name);
    if (name.empty()) continue;
    if (symbol.st_shndx == SHN_UNDEF) {
      if (ELF64_ST_BIND(symbol.st_info) != STB_WEAK) undefined.insert(name);
    } else if (symbol.st_shndx != SHN_ABS && is_visible(symbol)) {
      exported.insert(name);
    }
  }
  facts.exported.assign(exported.begin(), exported.end());
  facts.undefined.assign(undefined.begin(), undefined.end());
}

void add_run_paths(const std::string& list, std::vector<std::string>& paths) {
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(':', begin), list.size());
    paths.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
}

void read_dynamic(const ElfFile& file, const std::vector<Elf64_Shdr>& sections, const Elf64_Shdr& table,
                  ElfFacts& facts) {
  const Strings names = strings_of(file, sections, table);
  for (const Elf64_Dyn& entry : file.array<Elf64_Dyn>(table.sh_offset, table.sh_size / sizeof(Elf64_Dyn))) {
    if (entry.d_tag == DT_NULL) break;
    if (entry.d_tag == DT_NEEDED) facts.needed.push_back(names.at(entry.d_un.d_val));
    if (entry.d_tag == DT_RPATH || entry.d_tag == DT_RUNPATH)
      add_run_paths(names.at(entry.d_un.d_val), facts.run_paths);
    if (entry.d_tag == DT_FLAGS) facts.static_tls = (entry.d_un.d_val & DF_STATIC_TLS) != 0;
  }
}

}  // namespace

ElfFacts read_elf_facts(const std::string& path) {
  const base::Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!fd.open() || fstat(fd.get(), &info) != 0) {
    throw Refusal("a file that can't be read (" + std::generic_category().message(errno) + ")", "a plugin",
                  "check the path and its permissions");
  }
  const ElfFile file(fd.get(), static_cast<std::size_t>(info.st_size));
  const std::vector<Elf64_Shdr> sections = file.sections(file.header());
  ElfFacts facts;
  bool found = false;
  for (const Elf64_Shdr& section : sections) {
    if (section.sh_type == SHT_DYNSYM) {
      read_symbols(file, sections, section, facts);
      found = true;
    } else if (section.sh_type == SHT_DYNAMIC) {
      read_dynamic(file, sections, section, facts);
    }
  }
  if (!found) {
    throw Refusal("no dynamic symbol table (.dynsym) among its sections", "one",
                  "build it again and strip no more than strip --strip-unneeded does");
  }
  return facts;
}

std::vector<std::string> borrowed_symbols(const std::string& path, const std::vector<std::string>& symbols) {
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  if (library == nullptr) throw std::runtime_error(path + " is not open in this process");
  std::vector<std::string> borrowed;
  for (const std::string& symbol : symbols) {
    dlerror();
    if (dlsym(library, symbol.c_str()) == nullptr && dlerror() != nullptr) borrowed.push_back(symbol);
  }
  dlclose(library);  // drops only the count of RTLD_NOLOAD; the library stays open
  return borrowed;
}

}  // namespace sluice::host
