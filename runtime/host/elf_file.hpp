// The parts of an ELF file, read piece by piece. The file may come from anybody: a piece beyond its end
// causes a Refusal, and never a read outside of the file.
#pragma once

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/refusal.hpp"

namespace sluice::host {

/// Reads from a descriptor that its owner keeps open.
class ElfFile {
 public:
  ElfFile(int fd, std::size_t size) : fd_(fd), size_(size) {}

  /// The file's header, checked: ELF, 64 bits, little-endian, this machine, a shared library, complete.
  Elf64_Ehdr header() const;
  std::vector<Elf64_Phdr> segments(const Elf64_Ehdr& header) const;
  std::vector<Elf64_Shdr> sections(const Elf64_Ehdr& header) const;

  /// The place and the size of a note's description. Notes shorter than `least` are skipped.
  struct Note {
    std::size_t at = 0;  ///< of the note itself
    std::size_t description = 0;
    std::size_t size = 0;
  };
  std::optional<Note> find_note(const Elf64_Phdr& segment, std::string_view name, std::uint32_t type,
                                std::size_t least) const;

  template <class Piece>
  Piece at(std::size_t offset) const {
    Piece piece;
    bytes(offset, &piece, sizeof piece);
    return piece;
  }
  template <class Piece>
  std::vector<Piece> array(std::size_t offset, std::size_t count) const {
    if (offset > size_ || count > (size_ - offset) / sizeof(Piece)) throw truncated();
    std::vector<Piece> pieces(count);
    bytes(offset, pieces.data(), count * sizeof(Piece));
    return pieces;
  }
  void bytes(std::size_t offset, void* into, std::size_t count) const;
  std::size_t size() const { return size_; }

 private:
  static Refusal truncated();

  int fd_;
  std::size_t size_;
};

}  // namespace sluice::host
