#include "workshop/plugin_shelf.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <system_error>

namespace sluice::workshop {

namespace {

namespace fs = std::filesystem;

bool same_content(const fs::path& a, const fs::path& b) {
  std::error_code error;
  if (fs::file_size(a, error) != fs::file_size(b, error) || error) return false;
  std::ifstream one(a, std::ios::binary);
  std::ifstream other(b, std::ios::binary);
  using Bytes = std::istreambuf_iterator<char>;
  return std::equal(Bytes(one), Bytes(), Bytes(other), Bytes());
}

}  // namespace

bool put_on_shelf(const std::vector<fs::path>& libraries, const fs::path& directory) {
  bool changed = false;
  std::vector<fs::path> others;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) others.push_back(entry.path());
  for (const fs::path& library : libraries) {
    const fs::path target = directory / library.filename();
    std::erase(others, target);
    if (same_content(library, target)) continue;
    const fs::path copy = directory / ("." + library.filename().string() + ".new");
    std::error_code error;
    fs::copy_file(library, copy, fs::copy_options::overwrite_existing, error);
    if (!error) fs::rename(copy, target, error);
    if (error)
      throw std::runtime_error("can't copy " + library.string() + " to " + target.string() + ": " +
                               error.message());
    changed = true;
  }
  for (const fs::path& other : others) changed = fs::remove_all(other) > 0 || changed;
  return changed;
}

}  // namespace sluice::workshop
