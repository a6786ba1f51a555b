// Which failed attempts look the same. Inside runtime/postgres only.
#pragma once

#include <string>
#include <string_view>

namespace sluice::postgres {

/// An error's text without what differs from job to job: quoted values become '…', words with a digit become
/// #.
std::string likeness(std::string_view error);

}  // namespace sluice::postgres
