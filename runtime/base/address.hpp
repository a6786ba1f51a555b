// Where something listens: a host and a port.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::base {

struct Address {
  std::string host;  ///< a name or a number, IPv6 without its brackets
  int port = 0;

  /// "127.0.0.1:9640", "[::1]:9640".
  std::string text() const;
};

/// Parses "HOST:PORT", "[IPV6]:PORT", ":PORT" or "PORT"; without a host the loopback, 127.0.0.1. nullopt if
/// `text` is invalid.
std::optional<Address> parse_address(std::string_view text);

}  // namespace sluice::base
