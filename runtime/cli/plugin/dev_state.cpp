#include "cli/plugin/dev_state.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <system_error>

namespace sluice::cli {

namespace {

namespace fs = std::filesystem;

base::Descriptor opened(const fs::path& path, int flags) {
  constexpr mode_t mode = 0644;
  base::Descriptor file(open(path.c_str(), flags | O_CREAT | O_CLOEXEC, mode));
  if (file.open()) return file;
  throw std::runtime_error("can't write " + path.string() + ": " + std::generic_category().message(errno));
}

}  // namespace

DevState::DevState(const fs::path& folder) : folder_(folder) {
  std::error_code error;
  fs::create_directories(plugins(), error);
  if (error)
    throw std::runtime_error("can't create " + plugins().string() + ": " + error.message() +
                             "; name a writable folder with --build-dir");
  lock_ = opened(folder_ / "lock", O_RDWR);
  if (flock(lock_.get(), LOCK_EX | LOCK_NB) != 0)
    throw std::runtime_error("another `sluice plugin dev` is running in " + folder_.string() +
                             "; end it, or name another folder with --build-dir");
}

base::Descriptor open_log(const fs::path& path) {
  return opened(path, O_WRONLY | O_TRUNC);
}

std::string reason_in(const fs::path& log) {
  const auto marks = {"FATAL: ", "PANIC: ", "error: ", "sluice: "};
  std::string reason;
  std::ifstream in(log);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) reason = line;
    const bool says_so = std::any_of(marks.begin(), marks.end(),
                                     [&](const char* mark) { return line.find(mark) != std::string::npos; });
    if (says_so) break;
  }
  return ": " + reason + " (its whole output is in " + log.string() + ")";
}

std::string lack_of_room(const fs::path& folder, std::uintmax_t needed) {
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  if (error || space.available >= needed) return "";
  return "; the disk of " + folder.string() +
         " is full; free some space, or name a folder on another disk with --build-dir";
}

}  // namespace sluice::cli
