#include "host/file_gate.hpp"

#include <fcntl.h>
#include <sluice/plugin.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>

#include "base/descriptor.hpp"
#include "host/elf_file.hpp"
#include "host/refusal.hpp"

namespace sluice::host {

namespace {

std::string octal(mode_t mode) {
  char text[8];
  std::snprintf(text, sizeof text, "%04o", mode & 07777U);
  return text;
}

std::string error_text(int error) {
  return std::generic_category().message(error);
}

std::size_t aligned(std::size_t size, std::size_t alignment) {
  return (size + alignment - 1) & ~(alignment - 1);
}

/// Our note in one PT_NOTE segment.
std::optional<sluice_note> find_note(const ElfFile& file, const Elf64_Phdr& segment) {
  const std::size_t alignment = segment.p_align == 8 ? 8 : 4;
  const std::size_t end = segment.p_offset + segment.p_filesz;
  for (std::size_t at = segment.p_offset; at + sizeof(Elf64_Nhdr) <= end;) {
    const auto note = file.at<Elf64_Nhdr>(at);
    const std::size_t description = at + aligned(sizeof note + note.n_namesz, alignment);
    const bool ours = note.n_namesz == sizeof "sluice" && note.n_type == SLUICE_NOTE_TYPE &&
                      note.n_descsz >= 2 * sizeof(std::uint32_t) &&
                      std::memcmp(file.at<std::array<char, 7>>(at + sizeof note).data(), "sluice", 7) == 0;
    if (ours) return file.at<sluice_note>(at);
    at = aligned(description + note.n_descsz, alignment);
  }
  return std::nullopt;
}

void check_note(const ElfFile& file, const Elf64_Ehdr& header) {
  for (const Elf64_Phdr& segment : file.segments(header)) {
    if (segment.p_type != PT_NOTE) continue;
    const auto note = find_note(file, segment);
    if (!note) continue;
    if (note->abi_major == SLUICE_ABI_MAJOR) return;
    throw Refusal(
        "a plugin of Sluice's ABI " + std::to_string(note->abi_major) + "." + std::to_string(note->abi_minor),
        "ABI " + std::to_string(SLUICE_ABI_MAJOR) + ".x",
        "rebuild it against the headers of this version of sluice");
  }
  throw Refusal("a shared library without Sluice's ABI note (.note.sluice)", "a plugin",
                "if it is a plugin, declare it with SLUICE_PLUGIN or SLUICE_DECLARE_PLUGIN; if not, remove "
                "it from the plugin directory");
}

}  // namespace

void check_plugin_file(const std::string& path, base::Ownership ownership) {
  std::error_code error;
  std::string real = std::filesystem::canonical(path, error).string();
  struct stat info {};
  if (error && stat(path.c_str(), &info) == 0) {
    real = path;  // the file was replaced, so the descriptor's link under /proc has no valid path any more
  } else if (error) {
    throw Refusal("no file (" + error.message() + ")", "a plugin", "check the path");
  }
  if (stat(real.c_str(), &info) != 0)
    throw Refusal("no file (" + error_text(errno) + ")", "a plugin", "check the path");
  if (!S_ISREG(info.st_mode)) {
    throw Refusal(S_ISDIR(info.st_mode) ? "a directory" : "something other than a regular file",
                  "a regular file", "remove it from the plugin directory");
  }
  base::check_ownership(path, "a file", ownership);
  const base::Descriptor fd(open(real.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.open() || (info.st_mode & 0444U) == 0) {
    throw Refusal("a file that can't be read (mode " + octal(info.st_mode) + ")",
                  "one that user id " + std::to_string(geteuid()) + " may read",
                  "run: chmod a+r '" + real + "'");
  }
  const ElfFile file(fd.get(), static_cast<std::size_t>(info.st_size));
  check_note(file, file.header());
}

}  // namespace sluice::host
