#include "host/build_id.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cstdio>
#include <stdexcept>

#include "base/descriptor.hpp"
#include "host/elf_file.hpp"

namespace sluice::host {

namespace {

constexpr std::size_t longest = 64;  // bytes; linkers write 8 to 20

std::string hexadecimal(const std::vector<unsigned char>& bytes) {
  std::string text;
  std::array<char, 3> digits{};
  for (const unsigned char byte : bytes) {
    std::snprintf(digits.data(), digits.size(), "%02x", byte);
    text += digits.data();
  }
  return text;
}

std::string build_id_in(const ElfFile& file) {
  for (const Elf64_Phdr& segment : file.segments(file.header())) {
    const auto note = file.find_note(segment, "GNU", NT_GNU_BUILD_ID, 1);
    if (note && note->size <= longest)
      return hexadecimal(file.array<unsigned char>(note->description, note->size));
  }
  return {};
}

}  // namespace

std::string build_id_of(const std::string& path) {
  const base::Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info {};
  if (!fd.open() || fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return {};
  try {
    return build_id_in(ElfFile(fd.get(), static_cast<std::size_t>(info.st_size)));
  } catch (const std::runtime_error&) {  // no ELF file for this machine
    return {};
  }
}

}  // namespace sluice::host
