// Who besides root and the process's own user can change what a path leads to.
#pragma once

#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::base {

/// How strictly owners and permissions are judged.
enum class Ownership : std::uint8_t {
  ignore,
  check,   ///< nobody else may write, but a group may
  strict,  ///< a group may not either
};
inline constexpr std::array<std::string_view, 3> ownership_names{"ignore", "check", "strict"};

/// A directory, a symbolic link, or what the path leads to.
struct WayPoint {
  std::string path;
  struct stat info {};
};

/// What the kernel passes on the way along `path` from the root, links followed. It ends where something is
/// missing.
std::vector<WayPoint> way_to(const std::string& path);

/// Throws Refusal if somebody else can replace the file at `path`, or write to it. `what` names it in the
/// refusal: "a file".
void check_ownership(const std::string& path, const std::string& what, Ownership rule);

/// The first on the way to `path` that a group may write to; empty if there is none.
std::string group_writable(const std::string& path);

}  // namespace sluice::base
