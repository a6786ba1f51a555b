#include "trust/sealed_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

#include "base/refusal.hpp"

namespace sluice::trust {

namespace {

constexpr std::int64_t largest = std::int64_t{1} << 30;
constexpr const char* remedy = "check the file, and the memory that sluice may use";

[[noreturn]] void refuse(const std::string& what, int error) {
  throw base::Refusal("a file that can't be " + what + " (" + std::generic_category().message(error) + ")",
                      "one that sluice can copy, because it is checked by its content", remedy);
}

std::size_t size_of(const base::Descriptor& source) {
  struct stat info {};
  if (!source.open() || fstat(source.get(), &info) != 0) refuse("opened", errno);
  if (!S_ISREG(info.st_mode)) {
    throw base::Refusal(S_ISDIR(info.st_mode) ? "a directory" : "something other than a regular file",
                        "a regular file", "remove it from the plugin directory");
  }
  if (info.st_size == 0) throw base::Refusal("an empty file", "an ELF shared library", "copy it again");
  if (info.st_size > largest) refuse("copied", EFBIG);
  return static_cast<std::size_t>(info.st_size);
}

/// The mode of an open file is that of the file, so a pipe is found before it is read.
base::Descriptor reopened(int file) {
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  return base::Descriptor(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
}

void copy(const base::Descriptor& from, const base::Descriptor& to, std::size_t size) {
  while (size > 0) {
    const ssize_t copied = sendfile(to.get(), from.get(), nullptr, size);
    if (copied < 0 && errno == EINTR) continue;
    if (copied <= 0) refuse("copied", copied < 0 ? errno : EIO);
    size -= static_cast<std::size_t>(copied);
  }
}

}  // namespace

SealedFile::SealedFile(int file, const std::string& path) {
  const base::Descriptor source = reopened(file);
  size_ = size_of(source);
  const std::string name = path.substr(path.rfind('/') + 1);
  copy_.reset(memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!copy_.open()) refuse("copied", errno);
  copy(source, copy_, size_);
  if (fcntl(copy_.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
    refuse("sealed", errno);
  void* const content = mmap(nullptr, size_, PROT_READ, MAP_SHARED, copy_.get(), 0);
  if (content == MAP_FAILED) refuse("mapped", errno);
  content_ = content;
}

SealedFile::~SealedFile() {
  if (content_ != nullptr) munmap(content_, size_);
}

}  // namespace sluice::trust
