#include "walls/landlock.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/descriptor.hpp"
#include "base/landlock.hpp"

namespace sluice::walls {

namespace {

// What the kernel's documentation of Landlock defines. The headers of older systems lack some of it.
constexpr std::uint64_t execute = 1U << 0;
constexpr std::uint64_t write_file = 1U << 1;
constexpr std::uint64_t read_file = 1U << 2;
constexpr std::uint64_t read_dir = 1U << 3;
constexpr std::uint64_t make_char = 1U << 6;
constexpr std::uint64_t make_block = 1U << 11;
constexpr std::uint64_t refer = 1U << 13;      // from version 2 on
constexpr std::uint64_t truncate = 1U << 14;   // 3
constexpr std::uint64_t ioctl_dev = 1U << 15;  // 5
constexpr std::uint64_t all_file_rights = (1U << 16) - 1;
constexpr std::uint64_t rights_on_files = execute | write_file | read_file | truncate | ioctl_dev;

constexpr std::uint64_t bind_tcp = 1U << 0;     // 4
constexpr std::uint64_t connect_tcp = 1U << 1;  // 4

constexpr std::uint64_t abstract_unix_sockets = 1U << 0;  // 6
constexpr std::uint64_t signals = 1U << 1;                // 6

enum class Rule : int { path_beneath = 1, net_port = 2 };

struct Ruleset {
  std::uint64_t file_rights;
  std::uint64_t net_rights;
  std::uint64_t scopes;
};
struct [[gnu::packed]] PathBeneath {
  std::uint64_t rights;
  std::int32_t parent;
};
struct NetPort {
  std::uint64_t rights;
  std::uint64_t port;
};

/// A kernel accepts only the members that it knows.
std::size_t size_of_ruleset(int version) {
  if (version >= 6) return sizeof(Ruleset);
  return version >= 4 ? offsetof(Ruleset, scopes) : offsetof(Ruleset, net_rights);
}

[[noreturn]] void fail(const char* step) {
  throw std::system_error(errno, std::generic_category(), std::string("Landlock: ") + step);
}

std::uint64_t known_file_rights(int version) {
  std::uint64_t rights = all_file_rights;
  if (version < 5) rights &= ~ioctl_dev;
  if (version < 3) rights &= ~truncate;
  if (version < 2) rights &= ~refer;
  return rights;
}

int create(const Ruleset& rules, int version) {
  const long made = syscall(SYS_landlock_create_ruleset, &rules, size_of_ruleset(version), 0);
  if (made < 0) fail("creating the rules");
  return static_cast<int>(made);
}

void restrict_self(int ruleset) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("giving up new privileges");
  if (syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) fail("enforcing the rules");
}

template <class Attribute>
void add(int ruleset, Rule kind, const Attribute& attribute) {
  if (syscall(SYS_landlock_add_rule, ruleset, static_cast<int>(kind), &attribute, 0) == 0) return;
  if (errno == EBADFD) return;  // a file in memory has no path, so it is never restricted
  fail("adding a rule");
}

}  // namespace

const std::uint64_t Landlock::read_rights = execute | read_file | read_dir;
const std::uint64_t Landlock::write_rights = all_file_rights & ~(execute | make_char | make_block);

Landlock::Landlock(int version, bool ports) : version_(version), file_rights_(known_file_rights(version)) {
  Ruleset rules{file_rights_, 0, 0};
  if (ports && version >= 4) rules.net_rights = bind_tcp | connect_tcp;
  if (version >= 6) rules.scopes = abstract_unix_sockets | signals;
  ruleset_ = create(rules, version);
}

/// A set of rules can't be empty, and each set forbids to move a file into another folder unless a rule
/// allows that. Version 1 of Landlock forbids it always, so there is no wall then.
bool wall_off() {
  const int version = base::landlock_version();
  if (version < 2) return false;
  const bool scoped = version >= 6;
  const base::Descriptor rules(create({refer, 0, scoped ? signals : 0}, version));
  const base::Descriptor root(open("/", O_PATH | O_CLOEXEC));
  if (!root.open()) fail("opening the root");
  add(rules.get(), Rule::path_beneath, PathBeneath{refer, root.get()});
  restrict_self(rules.get());
  return scoped;
}

Landlock::~Landlock() {
  close(ruleset_);
}

int Landlock::allow(const std::string& path, std::uint64_t rights, bool file) {
  if (file && !path.starts_with('/')) return EINVAL;
  const base::Descriptor parent(open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!parent.open()) return errno;
  struct stat status {};
  if (fstat(parent.get(), &status) != 0) return errno;
  if (file && !S_ISREG(status.st_mode)) return EINVAL;
  if (!S_ISDIR(status.st_mode)) rights &= rights_on_files;
  add(ruleset_, Rule::path_beneath, PathBeneath{rights & file_rights_, parent.get()});
  return 0;
}

void Landlock::allow_connecting(std::uint16_t port) {
  if (version_ >= 4) add(ruleset_, Rule::net_port, NetPort{connect_tcp, port});
}

void Landlock::enforce() {
  restrict_self(ruleset_);
}

}  // namespace sluice::walls
