// What --json prints.
#pragma once

#include "base/json_writer.hpp"

namespace sluice::cli {

using base::JsonWriter;
using base::member;
using base::raw_member;

}  // namespace sluice::cli
