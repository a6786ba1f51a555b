#include "base/secret_file.hpp"

#include <sys/stat.h>

#include <cctype>
#include <fstream>

#include "base/config.hpp"

namespace sluice::base {

SecretFile read_secret_file(const std::string& path) {
  SecretFile file;
  std::getline(std::ifstream(path), file.secret);
  while (!file.secret.empty() && std::isspace(static_cast<unsigned char>(file.secret.back())) != 0) {
    file.secret.pop_back();
  }
  if (file.secret.empty()) {
    throw UsageError("reading the secret in '" + path +
                     "' failed: the file is missing or not readable, or its first line is empty");
  }
  file.warning = secret_file_warning(path);
  return file;
}

std::string secret_file_warning(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || (status.st_mode & S_IROTH) == 0) return "";
  return "everybody can read '" + path + "', which holds a secret; mend it with chmod o-r";
}

}  // namespace sluice::base
