#include "base/ownership.hpp"

#include <unistd.h>

#include <cstdio>
#include <deque>
#include <filesystem>

#include "base/refusal.hpp"

namespace sluice::base {

namespace {

namespace fs = std::filesystem;

constexpr int most_links = 40;  // like the kernel

std::string octal(mode_t mode) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%04o", mode & 07777U);
  return text.data();
}

/// Follows a path, name by name.
class Walk {
 public:
  std::vector<WayPoint> along(const fs::path& path) {
    ahead(path);
    pass();
    while (!names_.empty()) {
      const fs::path name = names_.front();
      names_.pop_front();
      if (!step(name)) break;
    }
    return std::move(way_);
  }

 private:
  bool step(const fs::path& name) {
    if (name.empty() || name == ".") return true;
    if (name == "..") {
      at_ = at_.parent_path();
      return true;
    }
    const fs::path before = at_;
    at_ /= name;
    if (!pass()) return false;
    if (!S_ISLNK(way_.back().info.st_mode)) return true;
    std::error_code error;
    const fs::path target = fs::read_symlink(at_, error);
    at_ = before;
    if (error || ++links_ > most_links) return false;
    ahead(target);
    return true;
  }

  /// Puts the names of a path before those that are left.
  void ahead(const fs::path& path) {
    if (path.is_absolute()) at_ = "/";
    const fs::path relative = path.relative_path();
    names_.insert(names_.begin(), relative.begin(), relative.end());
  }

  bool pass() {
    struct stat info {};
    if (lstat(at_.c_str(), &info) != 0) return false;
    way_.push_back({at_.string(), info});
    return true;
  }

  fs::path at_ = "/";
  std::deque<fs::path> names_;
  int links_ = 0;
  std::vector<WayPoint> way_;
};

void check_owner(const std::string& what, const WayPoint& point) {
  if (point.info.st_uid == 0 || point.info.st_uid == geteuid()) return;
  throw Refusal(what + " owned by user id " + std::to_string(point.info.st_uid),
                "root or user id " + std::to_string(geteuid()) + ", which sluice runs as",
                "run: chown -h root '" + point.path +
                    "', or, if you trust that user, set ownership = \"ignore\" under [plugins]");
}

/// In a sticky directory, such as /tmp, only the owner of a file can replace it. `is_sticky_safe`: that is
/// enough.
void check_mode(const std::string& what, const WayPoint& point, bool is_sticky_safe, Ownership rule) {
  const mode_t mode = point.info.st_mode;
  if (is_sticky_safe && (mode & S_ISVTX) != 0) return;
  if ((mode & S_IWOTH) != 0) {
    throw Refusal(what + " that is world-writable (mode " + octal(mode) + ")",
                  "one that only its owner or group can write to", "run: chmod o-w '" + point.path + "'");
  }
  if (rule == Ownership::strict && (mode & S_IWGRP) != 0) {
    throw Refusal(what + " that is group-writable (mode " + octal(mode) + ")",
                  "one that only its owner can write to, because [plugins] ownership = \"strict\"",
                  "run: chmod g-w '" + point.path + "'");
  }
}

}  // namespace

std::vector<WayPoint> way_to(const std::string& path) {
  return Walk().along(fs::absolute(path));
}

void check_ownership(const std::string& path, const std::string& what, Ownership rule) {
  if (rule == Ownership::ignore) return;
  const std::vector<WayPoint> way = way_to(path);
  for (const WayPoint& point : way) {
    if (S_ISLNK(point.info.st_mode)) {
      check_owner("the symbolic link " + point.path, point);
    } else if (S_ISDIR(point.info.st_mode)) {
      // Files may be added to the plugin directory itself, so its sticky bit is not enough.
      const bool is_last_directory = &point == &way.back() || &point + 1 == &way.back();
      check_owner("the directory " + point.path, point);
      check_mode("the directory " + point.path, point, !is_last_directory, rule);
    } else {
      check_owner(what, point);
      check_mode(what, point, false, rule);
    }
  }
}

std::string group_writable(const std::string& path) {
  for (const WayPoint& point : way_to(path)) {
    const mode_t mode = point.info.st_mode;
    const bool may_write = (mode & S_IWGRP) != 0 && !S_ISLNK(mode);
    const bool is_sticky = S_ISDIR(mode) && (mode & S_ISVTX) != 0;
    if (may_write && !is_sticky) return point.path;
  }
  return "";
}

}  // namespace sluice::base
