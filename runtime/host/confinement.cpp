#include "host/confinement.hpp"

#include <fcntl.h>

#include <cstring>
#include <filesystem>

#include "base/descriptor.hpp"
#include "base/landlock.hpp"
#include "host/refusal.hpp"
#include "walls/landlock.hpp"
#include "walls/syscall_filter.hpp"

namespace sluice::host {

namespace {

// What libraries, time zones, fonts, names of hosts and TLS need. Those that a system does not have are
// skipped.
constexpr const char* readable[] = {
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/bin",
    "/sbin",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/locale.alias",
    "/etc/mime.types",
    "/etc/fonts",
    "/var/cache/fontconfig",
    "/etc/passwd",
    "/etc/group",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/ssl",
    "/etc/ca-certificates",
    "/etc/pki",
    "/etc/crypto-policies",
    "/run/systemd/resolve",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys",
    "/sys/devices/system/cpu",
    "/sys/fs/cgroup",
    "/sys/kernel/mm/transparent_hugepage",
    "/dev/random",
    "/dev/urandom",
};
constexpr const char* writable[] = {"/dev/null", "/dev/zero", "/dev/full"};

void must_open(int error, const char* key, const std::string& path) {
  if (error == 0) return;
  throw Refusal("that '" + path + "' of its sandbox can't be opened (" + std::strerror(error) + ")",
                "a file or folder that exists",
                std::string("create it, or take it out of the list '") + key + "' of the plugin's sandbox");
}

void restrict_reach(const job::Sandbox& sandbox, const std::string& plugin, const std::string& place,
                    int version) {
  // A rule is for an inode, and the kernel may make another one of /proc/self when nobody holds it.
  static const base::Descriptor held(open("/proc/self", O_PATH | O_CLOEXEC));
  walls::Landlock rules(version, !sandbox.any_network);
  for (const char* path : readable) static_cast<void>(rules.allow_reading(path));
  for (const char* path : writable) static_cast<void>(rules.allow_writing(path));
  static_cast<void>(rules.allow_reading(plugin));
  for (const auto& path : {std::filesystem::path(place), std::filesystem::weakly_canonical(place)}) {
    static_cast<void>(rules.allow_reading(path.string()));
    static_cast<void>(rules.allow_reading(path.parent_path().string()));
  }
  for (const std::string& path : sandbox.read) must_open(rules.allow_reading(path), "read", path);
  for (const std::string& path : sandbox.write) must_open(rules.allow_writing(path), "write", path);
  for (const std::uint16_t port : sandbox.ports) rules.allow_connecting(port);
  rules.enforce();
}

}  // namespace

void confine(const job::Sandbox& sandbox, const std::string& plugin, const std::string& place) {
  if (!sandbox.on) return;
  if (const int version = base::landlock_version(); version > 0)
    restrict_reach(sandbox, plugin, place, version);
  walls::refuse_calls_beyond(sandbox);
}

}  // namespace sluice::host
