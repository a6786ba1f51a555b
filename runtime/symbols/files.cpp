#include "symbols/files.hpp"

#include <cxxabi.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "symbols/rust_name.hpp"

namespace sluice::symbols {

namespace {

std::string base_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

std::string hexadecimal(std::uint64_t number) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(number));
  return text;
}

/// A regular file, or -1: opening a pipe or a device could wait, or do something.
int open_regular(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat info {};
  if (fd < 0 || (fstat(fd, &info) == 0 && S_ISREG(info.st_mode))) return fd;
  close(fd);
  return -1;
}

std::string name_of(Dwarf_Die& die) {
  Dwarf_Attribute attribute;
  for (const unsigned kind : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name}) {
    if (dwarf_attr_integrate(&die, kind, &attribute) == nullptr) continue;
    if (const char* const linkage = dwarf_formstring(&attribute)) return readable(linkage);
  }
  const char* const name = dwarf_diename(&die);
  return name == nullptr ? "??" : name;
}

/// "hello.cpp:12"; empty if it is not known.
std::string place(const char* file, int line) {
  return file == nullptr || line <= 0 ? std::string() : base_name(file) + ":" + std::to_string(line);
}

/// Where the inlined function was called.
std::string call_place(Dwarf_Die& unit, Dwarf_Die& inlined) {
  Dwarf_Attribute attribute;
  Dwarf_Word file = 0;
  Dwarf_Word line = 0;
  Dwarf_Files* files = nullptr;
  std::size_t count = 0;
  const bool known = dwarf_formudata(dwarf_attr(&inlined, DW_AT_call_file, &attribute), &file) == 0 &&
                     dwarf_formudata(dwarf_attr(&inlined, DW_AT_call_line, &attribute), &line) == 0 &&
                     dwarf_getsrcfiles(&unit, &files, &count) == 0 && file < count;
  return known ? place(dwarf_filesrc(files, file, nullptr, nullptr), static_cast<int>(line)) : std::string();
}

void replace_all(std::string& text, const std::string& what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
}

/// Rust's names end in a hash, and write what C++ has no letters for in its own way.
void tidy_rust(std::string& name) {
  constexpr std::size_t hash_size = 19;  // "::h" and 16 digits
  const std::size_t hash = name.size() < hash_size ? std::string::npos : name.size() - hash_size;
  if (hash == std::string::npos || name.compare(hash, 3, "::h") != 0 ||
      name.find_first_not_of("0123456789abcdef", hash + 3) != std::string::npos)
    return;
  name.resize(hash);
  for (const auto& [escape, text] : {std::pair{"$LT$", "<"},
                                     {"$GT$", ">"},
                                     {"$RF$", "&"},
                                     {"$BP$", "*"},
                                     {"$C$", ","},
                                     {"$LP$", "("},
                                     {"$RP$", ")"},
                                     {"$u20$", " "},
                                     {"$u7b$", "{"},
                                     {"$u7d$", "}"},
                                     {"$u5b$", "["},
                                     {"$u5d$", "]"},
                                     {"..", "::"}}) {
    replace_all(name, escape, text);
  }
  replace_all(name, "::_{", "::{");
  replace_all(name, "_<", "<");
}

}  // namespace

/// A suffix of LLVM's, behind a point, belongs to no name.
std::string readable(const std::string& symbol) {
  if (auto rust = rust_name(symbol)) return *rust;
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> demangled(
      abi::__cxa_demangle(symbol.substr(0, symbol.find(".llvm.")).c_str(), nullptr, nullptr, &status),
      std::free);
  if (status != 0 || !demangled) return symbol;
  std::string name = demangled.get();
  tidy_rust(name);
  return name;
}

File::File(std::string path, const std::string& place) : path_(std::move(path)), name_(base_name(path_)) {
  static constexpr Dwfl_Callbacks callbacks{nullptr, dwfl_standard_find_debuginfo,
                                            dwfl_offline_section_address, nullptr};
  const int fd = open_regular(place);
  if (fd < 0) return;
  dwfl_ = dwfl_begin(&callbacks);
  dwfl_report_begin(dwfl_);
  module_ = dwfl_report_elf(dwfl_, name_.c_str(), path_.c_str(), fd, 0, true);
  if (module_ == nullptr) close(fd);
  dwfl_report_end(dwfl_, nullptr, nullptr);
}

File::~File() {
  if (dwfl_ != nullptr) dwfl_end(dwfl_);
}

std::vector<std::string> File::frames(std::uint64_t offset) {
  auto found = debug_frames(offset);
  if (!found.empty()) return found;
  lacks_lines_ = true;
  return {symbol_frame(offset)};
}

std::vector<std::string> File::debug_frames(std::uint64_t offset) {
  std::vector<std::string> found;
  Dwarf_Addr bias = 0;
  Dwarf_Die* const unit = module_ == nullptr ? nullptr : dwfl_module_addrdie(module_, offset, &bias);
  if (unit == nullptr) return found;
  int number = 0;
  Dwfl_Line* const line = dwfl_module_getsrc(module_, offset);
  const char* const file =
      line == nullptr ? nullptr : dwfl_lineinfo(line, nullptr, &number, nullptr, nullptr, nullptr);
  std::string at = place(file, number);
  Dwarf_Die* scopes = nullptr;
  const int count = dwarf_getscopes(unit, offset - bias, &scopes);
  for (int i = 0; i < count; ++i) {
    const int tag = dwarf_tag(&scopes[i]);
    if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram) continue;
    found.push_back(name_of(scopes[i]) + (at.empty() ? "" : " at " + at) + " in " + name_);
    if (tag == DW_TAG_subprogram) break;
    at = call_place(*unit, scopes[i]);
  }
  std::free(scopes);
  return found;
}

std::string File::symbol_frame(std::uint64_t offset) {
  GElf_Off within = 0;
  GElf_Sym symbol{};
  const char* const name =
      module_ == nullptr ? nullptr
                         : dwfl_module_addrinfo(module_, offset, &within, &symbol, nullptr, nullptr, nullptr);
  if (name == nullptr) return "?? in " + name_ + "+" + hexadecimal(offset);
  return readable(name) + "+" + hexadecimal(within) + " in " + name_;
}

std::string File::missing() const {
  if (module_ == nullptr) return name_ + " can't be read any more, so its functions are not named";
  const bool system = path_.rfind("/usr/lib", 0) == 0 || path_.rfind("/lib", 0) == 0;
  if (!lacks_lines_ || system) return {};
  return name_ + " has no debug information for some of these; build it with -g to see source lines";
}

void Files::add(const std::string& path, const std::string& place) {
  files_[path] = std::make_unique<File>(path, place);
}

File& Files::at(const std::string& path) {
  if (files_.find(path) == files_.end()) add(path, path);
  return *files_[path];
}

std::vector<std::string> Files::missing() const {
  std::vector<std::string> all;
  for (const auto& [path, file] : files_) {
    if (std::string words = file->missing(); !words.empty()) all.push_back(std::move(words));
  }
  return all;
}

}  // namespace sluice::symbols
