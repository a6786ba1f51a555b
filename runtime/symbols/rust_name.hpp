// Names of Rust's functions as people write them, from the symbols that its compiler makes of them ("v0", RFC
// 2603).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::symbols {

/// "_RNvCs4_5hello5greet" is hello::greet. Lifetimes and disambiguators are left out, generic arguments
/// follow a path without "::", and identifiers in Punycode stay as they are. nullopt for what is no such
/// symbol, and for what is too long or nested too deep for a person.
std::optional<std::string> rust_name(std::string_view symbol);

}  // namespace sluice::symbols
