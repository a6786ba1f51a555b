#include "workshop/file_digest.hpp"

#include <fstream>
#include <iterator>

#include "trust/digest.hpp"

namespace sluice::workshop {

std::string sha256_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string data{std::istreambuf_iterator<char>(file), {}};
  return file.is_open() && !file.bad() ? trust::sha256(data) : std::string();
}

}  // namespace sluice::workshop
