// The refusal of a plugin whose secret can't be had.
#pragma once

#include <string>

#include "job/secrets.hpp"

namespace sluice::fleet {

/// "found that its secret …", to which the caller adds the file's name.
std::string refusal_words(const job::MissingSecret& missing, const std::string& plugin);

}  // namespace sluice::fleet
