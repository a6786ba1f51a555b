#include "trust/lock_file.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <sstream>
#include <system_error>

#include "base/descriptor.hpp"
#include "base/refusal.hpp"
#include "base/small_file.hpp"
#include "base/usage_error.hpp"
#include "trust/digest.hpp"
#include "trust/sealed_file.hpp"

namespace sluice::trust {

namespace {

constexpr std::size_t longest_lock = 1024 * 1024;
constexpr std::size_t digest_size = 64;
constexpr std::string_view between = "  ";

std::string content_of(const std::string& path) {
  try {
    return base::read_small_file(path, longest_lock);
  } catch (const base::UsageError& error) {
    throw base::Refusal(std::string("that the lock file ") + error.what(), "a file that sluice may read",
                        "write it again: sluice plugin lock DIRECTORY");
  }
}

bool is_entry(const std::string& line) {
  return line.size() > digest_size + between.size() &&
         line.find_first_not_of("0123456789abcdef") == digest_size &&
         line.compare(digest_size, between.size(), between) == 0 && line.find('/') == std::string::npos;
}

Digests parse(const std::string& path, const std::string& text) {
  Digests digests;
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.empty() || line.front() == '#') continue;
    const bool is_new =
        is_entry(line) &&
        digests.emplace(line.substr(digest_size + between.size()), line.substr(0, digest_size)).second;
    if (is_new) continue;
    throw base::Refusal("that line " + std::to_string(number) + " of '" + path + "' is not an entry",
                        "64 hexadecimal digits, two blanks and a file's name, each name once",
                        "write it again: sluice plugin lock DIRECTORY");
  }
  return digests;
}

[[noreturn]] void fail(const std::string& path) {
  throw std::system_error(errno, std::generic_category(), "writing " + path);
}

}  // namespace

std::optional<Digests> read_lock(const std::string& directory) {
  const std::string path = directory + "/" + lock_name;
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0 && errno == ENOENT) return std::nullopt;
  return parse(path, content_of(path));
}

void write_lock(const std::string& directory, const Digests& digests) {
  std::string text = "# SHA-256 of the plugins, written by sluice plugin lock; sha256sum -c reads it too.\n";
  for (const auto& [name, digest] : digests) text.append(digest).append(between).append(name).append("\n");
  const std::string path = directory + "/" + lock_name;
  std::string temporary = path + ".XXXXXX";
  const base::Descriptor file(mkostemp(temporary.data(), O_CLOEXEC));
  if (!file.open()) fail(temporary);
  constexpr mode_t mode = 0644;
  const bool written = write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       fchmod(file.get(), mode) == 0 && fsync(file.get()) == 0 &&
                       rename(temporary.c_str(), path.c_str()) == 0;
  if (written) return;
  const int error = errno;
  unlink(temporary.c_str());
  errno = error;
  fail(path);
}

std::string digest_of(const std::string& path) {
  const base::Descriptor file(open(path.c_str(), O_PATH | O_CLOEXEC));
  return sha256(SealedFile(file.get(), path).content());
}

}  // namespace sluice::trust
