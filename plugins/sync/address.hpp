// Which addresses are reachable on the public internet: a pure decision.
#pragma once

#include <sys/socket.h>

namespace data_sync {

/// False for loopback, private, link-local, shared (CGNAT), unique-local, multicast, unspecified, reserved
/// and documentation addresses, also where an IPv6 address wraps one of IPv4; and for what is no IP address.
bool is_public(const sockaddr& address);

}  // namespace data_sync
