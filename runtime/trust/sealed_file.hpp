// A copy of a file in memory that nobody can change, so that what was checked is what is loaded.
#pragma once

#include <string>
#include <string_view>

#include "base/descriptor.hpp"

namespace sluice::trust {

class SealedFile {
 public:
  /// Copies the file that is open as `file`, by O_PATH or otherwise. Never waits, even if it is a pipe.
  /// Throws base::Refusal if it is not a regular file, is empty, or can't be copied.
  SealedFile(int file, const std::string& path);
  ~SealedFile();
  SealedFile(const SealedFile&) = delete;
  SealedFile& operator=(const SealedFile&) = delete;

  std::string_view content() const { return {static_cast<const char*>(content_), size_}; }
  /// The copy itself; content() stays valid.
  base::Descriptor release() { return std::move(copy_); }

 private:
  base::Descriptor copy_;
  void* content_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace sluice::trust
