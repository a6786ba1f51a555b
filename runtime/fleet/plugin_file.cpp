#include "fleet/plugin_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "trust/digest.hpp"

namespace sluice::fleet {

PluginFile::PluginFile(const std::string& path)
    : path_(path), file_(::open(path.c_str(), O_PATH | O_CLOEXEC)) {
  struct stat info {};
  if (file_.open() && ::fstat(file_.get(), &info) == 0) identity_ = identify(info);
}

PluginFile PluginFile::named() const {
  PluginFile same;
  same.path_ = path_;
  same.identity_ = identity_;
  return same;
}

PluginFile PluginFile::held_again() const {
  const auto duplicate = [](const base::Descriptor& one) {
    return base::Descriptor(one.open() ? ::fcntl(one.get(), F_DUPFD_CLOEXEC, 0) : -1);
  };
  PluginFile same = named();
  same.file_ = duplicate(file_);
  same.copy_ = duplicate(copy_);
  return same;
}

PluginFile::Identity PluginFile::identify(const struct stat& info) {
  constexpr std::int64_t ns = 1'000'000'000;
  return {info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec * ns + info.st_mtim.tv_nsec};
}

bool PluginFile::overwritten() const {
  struct stat info {};
  return file_.open() && ::fstat(file_.get(), &info) == 0 && identity_ != identify(info);
}

bool PluginFile::replaced() const {
  struct stat info {};
  if (::stat(path_.c_str(), &info) != 0) return identity_.has_value();
  return identity_ != identify(info);
}

/// The descriptor itself can't be read, but names the file, whatever is at its path.
std::string PluginFile::digest(std::int64_t most) const {
  if (fd() < 0 || !identity_ || identity_->size > most) return {};
  std::ifstream file("/proc/self/fd/" + std::to_string(fd()), std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(file), {}};
  return file.is_open() && !file.bad() ? trust::sha256(content) : std::string();
}

}  // namespace sluice::fleet
