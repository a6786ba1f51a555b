// Sizes as people write them: "512MB", "1.5GB", "4KiB".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::base {

/// A whole or decimal number with its unit: B, kB, MB, GB, TB (powers of 1000), KiB, MiB, GiB, TiB (powers of
/// 1024). "0" needs no unit. nullopt if `text` is invalid, negative, or over 1,000 TB.
std::optional<std::int64_t> parse_size(std::string_view text);

/// As parse_size reads it, in the largest unit that makes it a whole number: "512MB".
std::string write_size(std::int64_t bytes);

}  // namespace sluice::base
