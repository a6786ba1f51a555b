// Text of plugins, rows and peers, made fit for a terminal and for lines of people.
#pragma once

#include <string>
#include <string_view>

namespace sluice::base {

/// `text` in one line, in which nothing controls a terminal or changes the order of what is read: control
/// characters and escapes, line ends, the marks that turn text around and those that nobody sees are
/// spelled out ("\n", "\x1b", "\u{202e}"), a tab is a blank, and what is no UTF-8 is U+FFFD.
std::string harmless(std::string_view text);

/// The same, but line ends stay: for what is shown in lines of its own.
std::string harmless_lines(std::string_view text);

}  // namespace sluice::base
