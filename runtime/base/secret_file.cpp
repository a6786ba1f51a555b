#include "base/secret_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <fstream>
#include <system_error>

#include "base/descriptor.hpp"
#include "base/usage_error.hpp"

namespace sluice::base {

std::string read_secret_file(const std::string& path) {
  std::string secret;
  std::getline(std::ifstream(path), secret);
  while (!secret.empty() && std::isspace(static_cast<unsigned char>(secret.back())) != 0) {
    secret.pop_back();
  }
  if (secret.empty()) {
    throw UsageError("reading the secret in '" + path +
                     "' failed: the file is missing or unreadable, or its first line is empty");
  }
  return secret;
}

std::string read_secret(const std::string& path, std::size_t longest) {
  // Not blocking, so that a pipe without a writer does not hold up the caller.
  const Descriptor file(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  const auto fail = [&](const std::string& why) { throw UsageError("'" + path + "' " + why); };
  struct stat status {};
  if (!file.open() || fstat(file.get(), &status) != 0)
    fail("can't be opened: " + std::generic_category().message(errno));
  if (!S_ISREG(status.st_mode)) fail("is not a regular file");
  std::string secret(longest + 3, '\0');  // room for a line break, and to see that there is more
  const ssize_t size = pread(file.get(), secret.data(), secret.size(), 0);
  if (size < 0) fail("can't be read: " + std::generic_category().message(errno));
  secret.resize(static_cast<std::size_t>(size));
  while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
  if (secret.empty()) fail("is empty");
  if (secret.size() > longest) fail("has more than " + std::to_string(longest) + " bytes");
  return secret;
}

std::string secret_file_warning(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || (status.st_mode & S_IROTH) == 0) return "";
  return "'" + path + "' holds a secret but is world-readable; run chmod o-r";
}

}  // namespace sluice::base
