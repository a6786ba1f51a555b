// Sanitizers need some of what a wall takes away.
#pragma once

namespace sluice::walls {

/// Whether this program was built with one. It may map terabytes, and trace its own process to look for
/// leaks.
#ifdef SLUICE_SANITIZED
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

}  // namespace sluice::walls
