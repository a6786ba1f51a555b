// The directory that a runtime serves while a project's plugins are built elsewhere.
#pragma once

#include <filesystem>
#include <vector>

namespace sluice::workshop {

/// Puts copies of the libraries, and nothing else, into `directory`: each by a rename, since a linker writes
/// in place what a runtime may be loading. False where all of them were there. Throws std::runtime_error in
/// one sentence.
bool put_on_shelf(const std::vector<std::filesystem::path>& libraries,
                  const std::filesystem::path& directory);

}  // namespace sluice::workshop
