#include "fleet/host_program.hpp"

#include <fcntl.h>

#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "base/descriptor.hpp"

namespace sluice::fleet {

namespace {

constexpr int first_free_fd = 10;  // above the fixed descriptors of a host

base::Descriptor open_program(const std::string& name, const std::string& lost) {
  std::error_code error;
  const auto here = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  const auto installed = here.parent_path() / "libexec" / "sluice" / name;
  for (const auto& place : {here / name, installed}) {
    const base::Descriptor found(open(place.c_str(), O_PATH | O_CLOEXEC));
    base::Descriptor held(found.open() ? fcntl(found.get(), F_DUPFD_CLOEXEC, first_free_fd) : -1);
    if (held.open()) return held;
  }
  throw std::runtime_error(lost + ": the program " + name + " is neither in '" + here.string() +
                           "', beside sluice, nor at '" + installed.string() +
                           "'; install it together with sluice");
}

}  // namespace

std::string host_program() {
  static const base::Descriptor program = open_program("sluice-host", "no plugin can be started");
  return "/proc/self/fd/" + std::to_string(program.get());
}

std::string symbols_program() {
  static const base::Descriptor program = open_program("sluice-symbols", "no stack can be named");
  return "/proc/self/fd/" + std::to_string(program.get());
}

}  // namespace sluice::fleet
