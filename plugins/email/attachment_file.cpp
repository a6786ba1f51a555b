#include "attachment_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <sluice/result.hpp>
#include <string_view>
#include <system_error>
#include <vector>

#include "descriptor.hpp"
#include "trouble.hpp"

namespace email {

namespace {

struct Place {
  const std::string& directory;
  const std::string& path;
  const std::string& place;

  [[noreturn]] void refuse(const std::string& why) const {
    throw sluice::PermanentError("bad-attachment", place + ": '" + path + "' " + why);
  }
  [[noreturn]] void unreadable(int error) const {
    throw Trouble("attachment-unreadable", place + ": '" + path + "' can't be read in " + directory + ": " +
                                               std::generic_category().message(error));
  }
};

/// The names between the slashes.
std::vector<std::string> names_of(const Place& at) {
  if (at.path.find('\0') != std::string::npos) {
    throw sluice::PermanentError("bad-attachment", at.place + ": the path has a NUL character");
  }
  std::vector<std::string> names;
  std::string_view rest = at.path;
  for (;;) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view name = rest.substr(0, slash);
    if (name.empty() || name == "." || name == "..") {
      at.refuse("does not stay below the attachment directory; expected a relative path without . and ..");
    }
    names.emplace_back(name);
    if (slash == rest.size()) return names;
    rest.remove_prefix(slash + 1);
  }
}

/// Opens `name` in `parent`, without following symbolic links.
Descriptor open_below(const Descriptor& parent, const std::string& name, int flags, const Place& at) {
  Descriptor file(::openat(parent.get(), name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC));
  if (file.open()) return file;
  const int error = errno;
  if (error == ELOOP || error == ENOTDIR) at.refuse("is a link, or leads through a link or a file");
  at.unreadable(error);
}

/// Opens one name after the other, so that nothing can be replaced between a check and its use.
Descriptor open_file(const Place& at) {
  const std::vector<std::string> names = names_of(at);
  Descriptor current(::open(at.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!current.open()) at.unreadable(errno);
  for (std::size_t i = 0; i + 1 < names.size(); ++i) {
    current = open_below(current, names[i], O_RDONLY | O_DIRECTORY, at);
  }
  return open_below(current, names.back(), O_RDONLY | O_NONBLOCK, at);  // a FIFO would block
}

std::size_t size_of(const Descriptor& file, const Place& at) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) at.unreadable(errno);
  if (!S_ISREG(status.st_mode)) at.refuse("is not a file");
  return static_cast<std::size_t>(status.st_size);
}

}  // namespace

std::optional<std::string> read_attachment(const std::string& directory, const std::string& path,
                                           const std::string& place, std::size_t most_bytes) {
  const Place at{directory, path, place};
  const Descriptor file = open_file(at);
  const std::size_t size = size_of(file, at);
  if (size > most_bytes) return std::nullopt;
  std::string content(size, '\0');
  std::size_t filled = 0;
  while (filled < size) {
    const ssize_t count = ::read(file.get(), content.data() + filled, size - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) at.unreadable(errno);
    if (count == 0) break;  // the file became shorter
    filled += static_cast<std::size_t>(count);
  }
  content.resize(filled);
  return content;
}

}  // namespace email
