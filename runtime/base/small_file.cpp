#include "base/small_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/descriptor.hpp"
#include "base/usage_error.hpp"

namespace sluice::base {

std::string read_small_file(const std::string& path, std::size_t longest) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  const auto fail = [&](const std::string& why) { throw UsageError("'" + path + "' " + why); };
  struct stat status {};
  if (!file.open() || fstat(file.get(), &status) != 0)
    fail("can't be opened: " + std::generic_category().message(errno));
  if (!S_ISREG(status.st_mode)) fail("is not a regular file");
  std::string content(longest + 1, '\0');  // one more, to see that there is more
  const ssize_t size = pread(file.get(), content.data(), content.size(), 0);
  if (size < 0) fail("can't be read: " + std::generic_category().message(errno));
  content.resize(static_cast<std::size_t>(size));
  if (content.size() > longest) fail("has more than " + std::to_string(longest) + " bytes");
  return content;
}

}  // namespace sluice::base
