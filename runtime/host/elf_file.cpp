#include "host/elf_file.hpp"

#include <unistd.h>

#include <array>
#include <cstring>

namespace sluice::host {

namespace {

#if defined(__x86_64__)
constexpr Elf64_Half native_machine = EM_X86_64;
constexpr const char* native_name = "x86-64";
#elif defined(__aarch64__)
constexpr Elf64_Half native_machine = EM_AARCH64;
constexpr const char* native_name = "AArch64";
#elif defined(__riscv)
constexpr Elf64_Half native_machine = EM_RISCV;
constexpr const char* native_name = "RISC-V";
#else
#error "add this machine's ELF number"
#endif

std::size_t aligned(std::size_t size, std::size_t alignment) {
  return (size + alignment - 1) & ~(alignment - 1);
}

const char* const rebuild = "build it for this machine with sluice_add_plugin";

}  // namespace

void ElfFile::bytes(std::size_t offset, void* into, std::size_t count) const {
  if (offset > size_ || count > size_ - offset) throw truncated();
  if (pread(fd_, into, count, static_cast<off_t>(offset)) != static_cast<ssize_t>(count)) throw truncated();
}

Refusal ElfFile::truncated() {
  return Refusal("a truncated ELF file", "a complete one",
                 "copy it again, to a temporary name first, then rename");
}

Elf64_Ehdr ElfFile::header() const {
  if (size_ == 0) throw Refusal("an empty file", "an ELF shared library", "copy it again");
  if (size_ < SELFMAG || std::memcmp(at<std::array<char, SELFMAG>>(0).data(), ELFMAG, SELFMAG) != 0) {
    throw Refusal("a file that is not an ELF file", "an ELF shared library", rebuild);
  }
  const auto ident = at<std::array<unsigned char, EI_NIDENT>>(0);
  if (ident[EI_CLASS] != ELFCLASS64 || ident[EI_DATA] != ELFDATA2LSB) {
    throw Refusal("a 32-bit or big-endian ELF file", "64 bits, little-endian", rebuild);
  }
  const auto header = at<Elf64_Ehdr>(0);
  if (header.e_machine != native_machine) {
    throw Refusal("code for ELF machine number " + std::to_string(header.e_machine),
                  std::string(native_name) + " (" + std::to_string(native_machine) + ")", rebuild);
  }
  if (header.e_type != ET_DYN) {
    throw Refusal("an ELF file of type " + std::to_string(header.e_type), "a shared library (3)", rebuild);
  }
  if (header.e_shoff + std::size_t{header.e_shnum} * header.e_shentsize > size_) throw truncated();
  return header;
}

std::optional<ElfFile::Note> ElfFile::find_note(const Elf64_Phdr& segment, std::string_view name,
                                                std::uint32_t type, std::size_t least) const {
  if (segment.p_type != PT_NOTE) return std::nullopt;
  const std::size_t alignment = segment.p_align == 8 ? 8 : 4;
  const std::size_t end = segment.p_offset + segment.p_filesz;
  for (std::size_t at = segment.p_offset; at + sizeof(Elf64_Nhdr) <= end;) {
    const auto note = this->at<Elf64_Nhdr>(at);
    const std::size_t description = at + aligned(sizeof note + note.n_namesz, alignment);
    const bool wanted = note.n_namesz == name.size() + 1 && note.n_type == type && note.n_descsz >= least;
    if (wanted && std::string_view(array<char>(at + sizeof note, name.size()).data(), name.size()) == name)
      return Note{at, description, note.n_descsz};
    at = aligned(description + note.n_descsz, alignment);
  }
  return std::nullopt;
}

std::vector<Elf64_Phdr> ElfFile::segments(const Elf64_Ehdr& header) const {
  return array<Elf64_Phdr>(header.e_phoff, header.e_phnum);
}

std::vector<Elf64_Shdr> ElfFile::sections(const Elf64_Ehdr& header) const {
  return array<Elf64_Shdr>(header.e_shoff, header.e_shnum);
}

}  // namespace sluice::host
