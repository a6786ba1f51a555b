// Whether an address is reachable on the public internet: a pure decision.
#pragma once

#include <sys/socket.h>

namespace data_sync {

/// False for loopback, private, link-local, shared (CGNAT), unique-local, multicast, unspecified, reserved
/// and documentation addresses, also as an IPv4 address embedded in IPv6; and for other address families.
bool is_public(const sockaddr& address);

}  // namespace data_sync
