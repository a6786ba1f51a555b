#include "base/secret_file.hpp"

#include <sys/stat.h>

#include <cctype>
#include <fstream>

#include "base/small_file.hpp"
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
  std::string secret = read_small_file(path, longest);
  while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
  if (secret.empty()) throw UsageError("'" + path + "' is empty");
  return secret;
}

std::string writable_file_warning(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || (status.st_mode & (S_IWOTH | S_IWGRP)) == 0) return "";
  const bool by_all = (status.st_mode & S_IWOTH) != 0;
  return "'" + path + "' can be written by " + (by_all ? "everybody" : "its group") + "; run chmod go-w";
}

std::string secret_file_warning(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || (status.st_mode & S_IROTH) == 0) return "";
  return "'" + path + "' holds a secret but is world-readable; run chmod o-r";
}

}  // namespace sluice::base
