#include "address.hpp"

#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <cstring>

namespace data_sync {

namespace {

struct Block {
  std::uint32_t network;
  int bits;
};

// The addresses in IANA's registry of special-purpose IPv4 addresses that are not globally reachable.
constexpr std::array<Block, 15> special = {{{0x00000000, 8},    // 0.0.0.0/8, this host
                                            {0x0A000000, 8},    // 10.0.0.0/8
                                            {0x64400000, 10},   // 100.64.0.0/10, shared: CGNAT
                                            {0x7F000000, 8},    // 127.0.0.0/8, loopback
                                            {0xA9FE0000, 16},   // 169.254.0.0/16, link-local
                                            {0xAC100000, 12},   // 172.16.0.0/12
                                            {0xC0000000, 24},   // 192.0.0.0/24, protocols
                                            {0xC0000200, 24},   // 192.0.2.0/24, documentation
                                            {0xC0586300, 24},   // 192.88.99.0/24, 6to4 relays
                                            {0xC0A80000, 16},   // 192.168.0.0/16
                                            {0xC6120000, 15},   // 198.18.0.0/15, benchmarks
                                            {0xC6336400, 24},   // 198.51.100.0/24, documentation
                                            {0xCB007100, 24},   // 203.0.113.0/24, documentation
                                            {0xE0000000, 4},    // 224.0.0.0/4, multicast
                                            {0xF0000000, 4}}};  // 240.0.0.0/4, reserved, broadcast

bool is_public_v4(std::uint32_t address) {
  for (const Block& block : special) {
    if ((address ^ block.network) >> (32 - block.bits) == 0) return false;
  }
  return true;
}

std::uint32_t v4_at(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} << 24U | std::uint32_t{bytes[1]} << 16U | std::uint32_t{bytes[2]} << 8U |
         std::uint32_t{bytes[3]};
}

bool begins_with(const std::uint8_t* bytes, std::initializer_list<std::uint8_t> beginning) {
  return std::memcmp(bytes, beginning.begin(), beginning.size()) == 0;
}

// Only addresses that are known to be public are allowed: global unicast is 2000::/3.
bool is_public_v6(const std::uint8_t* bytes) {
  if (begins_with(bytes, {0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) {
    return is_public_v4(v4_at(bytes + 12));  // 64:ff9b::/96, NAT64
  }
  if ((bytes[0] & 0xE0U) != 0x20) return false;  // includes v4-mapped addresses
  if (begins_with(bytes, {0x20, 0x02})) return is_public_v4(v4_at(bytes + 2));  // 2002::/16, 6to4
  if (begins_with(bytes, {0x20, 0x01}) && bytes[2] < 2) return false;           // 2001::/23, includes Teredo
  if (begins_with(bytes, {0x20, 0x01, 0x0d, 0xb8})) return false;               // documentation
  return !(begins_with(bytes, {0x3f, 0xff}) && bytes[2] < 0x10);                // 3fff::/20, documentation
}

}  // namespace

bool is_public(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return is_public_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    return is_public_v6(v6.sin6_addr.s6_addr);
  }
  return false;
}

}  // namespace data_sync
