// Makes text from plugins, rows and peers safe to show on a terminal and in log lines.
#pragma once

#include <string>
#include <string_view>

namespace sluice::base {

/// `text` on one line, without anything that controls a terminal or reorders the text. Control characters,
/// line ends, bidirectional marks and invisible characters are spelled out ("\n", "\x1b", "\u{202e}"), a tab
/// becomes a blank, and invalid UTF-8 becomes U+FFFD.
std::string harmless(std::string_view text);

/// The same, but keeps line ends: for text that is shown on lines of its own.
std::string harmless_lines(std::string_view text);

/// The same for JSON, which stays the same value: these characters become "\u202e".
std::string harmless_json(std::string_view json);

}  // namespace sluice::base
