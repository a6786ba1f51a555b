#include "secret.hpp"

#include <fstream>

#include "trouble.hpp"

namespace email {

std::string Secret::get() const {
  if (file.empty()) return text;
  std::string line;
  std::getline(std::ifstream(file), line);
  if (!line.empty() && line.back() == '\r') line.pop_back();
  if (line.empty()) {
    throw Trouble("password-file", "the file '" + file + "' can't be read, or its first line is empty");
  }
  return line;
}

}  // namespace email
