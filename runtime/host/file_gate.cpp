#include "host/file_gate.hpp"

#include <fcntl.h>
#include <sluice/plugin.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
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

void check_note(const ElfFile& file, const Elf64_Ehdr& header) {
  for (const Elf64_Phdr& segment : file.segments(header)) {
    const auto found = file.find_note(segment, "sluice", SLUICE_NOTE_TYPE, 2 * sizeof(std::uint32_t));
    if (!found) continue;
    const auto note = file.at<sluice_note>(found->at);
    if (note.abi_major == SLUICE_ABI_MAJOR) return;
    throw Refusal(
        "a plugin of Sluice's ABI " + std::to_string(note.abi_major) + "." + std::to_string(note.abi_minor),
        "ABI " + std::to_string(SLUICE_ABI_MAJOR) + ".x",
        "rebuild it against the headers of this version of sluice");
  }
  throw Refusal("a shared library without Sluice's ABI note (.note.sluice)", "a plugin",
                "if it is a plugin, declare it with SLUICE_PLUGIN or SLUICE_DECLARE_PLUGIN; if not, remove "
                "it from the plugin directory");
}

}  // namespace

void check_plugin_owners(const std::string& path, base::Ownership ownership) {
  struct stat info {};
  if (stat(path.c_str(), &info) == 0) base::check_ownership(path, "a file", ownership);
}

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
