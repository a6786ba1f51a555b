// The linker's identifier of a build, which debuggers use too: the note .note.gnu.build-id.
#pragma once

#include <string>

namespace sluice::host {

/// In hexadecimal; empty if the file has none or can't be read.
std::string build_id_of(const std::string& path);

}  // namespace sluice::host
