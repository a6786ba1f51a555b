#include "workshop/source_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace sluice::workshop {

namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t changes =
    IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR | IN_DONT_FOLLOW;

[[noreturn]] void fail(const std::string& what, int error) {
  std::string remedy;
  if (error == ENOSPC)
    remedy = "; raise fs.inotify.max_user_watches with sysctl, or keep fewer folders below that one";
  if (error == EMFILE)
    remedy = "; raise fs.inotify.max_user_instances with sysctl, or stop other programs that watch files";
  throw std::runtime_error("can't watch " + what + ": " + std::generic_category().message(error) + remedy);
}

}  // namespace

bool is_temporary(const std::string& name) {
  constexpr std::array<const char*, 7> ends{"~", ".swp", ".swo", ".swx", ".tmp", ".bak", ".pyc"};
  constexpr std::array<const char*, 3> whole{"4913", "___jb_tmp___", "___jb_old___"};
  const auto ends_so = [&](const char* end) { return name.ends_with(end); };
  return name.empty() || name.starts_with(".") || name.starts_with("#") ||
         std::any_of(ends.begin(), ends.end(), ends_so) ||
         std::find(whole.begin(), whole.end(), name) != whole.end();
}

SourceWatch::SourceWatch(const fs::path& top, const fs::path& left_out)
    : top_(top), left_out_(left_out), events_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  if (!events_.open()) fail(top.string(), errno);
  add(top_, nullptr);
}

/// The marks of CMake, and of the convention for caches, which cargo follows.
bool SourceWatch::passes_over(const fs::path& folder) const {
  const std::string name = folder.filename().string();
  if (folder == top_) return false;
  if (folder == left_out_ || name.starts_with(".") || name == "node_modules" || name == "__pycache__")
    return true;
  std::error_code error;
  return fs::exists(folder / "CMakeCache.txt", error) || fs::exists(folder / "CACHEDIR.TAG", error);
}

std::string SourceWatch::shown(const fs::path& path) const {
  return path.lexically_relative(top_).string();
}

void SourceWatch::add(const fs::path& folder, std::set<std::string>* found) {
  if (passes_over(folder)) return;
  const int number = inotify_add_watch(events_.get(), folder.c_str(), changes);
  if (number < 0) {
    const bool gone_meanwhile = (errno == ENOENT || errno == ENOTDIR) && folder != top_;
    if (gone_meanwhile || (errno == EACCES && folder != top_)) return;
    fail(folder.string(), errno);
  }
  folders_[number] = folder;
  std::error_code error;
  for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    std::error_code gone;
    if (entry->symlink_status(gone).type() == fs::file_type::directory) {
      add(entry->path(), found);
    } else if (found != nullptr && !is_temporary(entry->path().filename().string())) {
      found->insert(shown(entry->path()));
    }
  }
}

/// A renamed folder would otherwise stay watched under its old name.
void SourceWatch::drop(const fs::path& folder) {
  std::erase_if(folders_, [&](const auto& watched) {
    const std::string inside = watched.second.string() + "/";
    if (!inside.starts_with(folder.string() + "/")) return false;
    inotify_rm_watch(events_.get(), watched.first);
    return true;
  });
}

void SourceWatch::note(int folder, std::uint32_t what, const std::string& name,
                       std::set<std::string>& changed) {
  if ((what & IN_Q_OVERFLOW) != 0) return add(top_, &changed);
  const auto watched = folders_.find(folder);
  if (watched == folders_.end()) return;
  if ((what & IN_IGNORED) != 0) {
    folders_.erase(watched);
    return;
  }
  const fs::path path = watched->second / name;
  if ((what & IN_ISDIR) == 0) {
    if (!is_temporary(name)) changed.insert(shown(path));
    return;
  }
  if (passes_over(path)) return;
  drop(path);
  if ((what & (IN_CREATE | IN_MOVED_TO)) != 0) return add(path, &changed);
  changed.insert(shown(path));
}

std::set<std::string> SourceWatch::take() {
  std::set<std::string> changed;
  std::array<char, 16384> buffer;
  for (ssize_t size = 0; (size = read(events_.get(), buffer.data(), buffer.size())) > 0;) {
    for (const char* at = buffer.data(); at < buffer.data() + size;) {
      inotify_event event{};
      std::memcpy(&event, at, sizeof event);
      note(event.wd, event.mask, event.len > 0 ? at + sizeof event : "", changed);
      at += sizeof event + event.len;
    }
  }
  return changed;
}

}  // namespace sluice::workshop
