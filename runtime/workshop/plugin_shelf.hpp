// The directory from which a runtime loads plugins while a project's plugins are built elsewhere.
#pragma once

#include <filesystem>
#include <vector>

namespace sluice::workshop {

/// Puts copies of the libraries, and nothing else, into `directory`. Each copy is renamed into place, because
/// a linker overwrites files that a runtime may be loading. Returns false if all of them were there. Throws
/// std::runtime_error with one sentence.
bool put_on_shelf(const std::vector<std::filesystem::path>& libraries,
                  const std::filesystem::path& directory);

}  // namespace sluice::workshop
