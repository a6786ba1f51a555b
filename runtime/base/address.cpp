#include "base/address.hpp"

#include <charconv>

namespace sluice::base {

namespace {

std::optional<int> parse_port(std::string_view text) {
  int port = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || port < 0 || port > 65535) return std::nullopt;
  return port;
}

bool is_host(std::string_view text, bool bracketed) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
  const auto odd = text.find_first_not_of(bracketed ? "0123456789abcdefABCDEF:.%" : letters);
  return !text.empty() && odd == std::string_view::npos;
}

}  // namespace

std::string Address::text() const {
  const bool bare = host.find(':') == std::string::npos;
  return (bare ? host : "[" + host + "]") + ":" + std::to_string(port);
}

std::optional<Address> parse_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const auto port = parse_port(colon == std::string_view::npos ? text : text.substr(colon + 1));
  if (!port) return std::nullopt;
  std::string_view host = colon == std::string_view::npos ? "" : text.substr(0, colon);
  if (host.empty()) return Address{"127.0.0.1", *port};
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!is_host(host, bracketed)) return std::nullopt;
  return Address{std::string(host), *port};
}

}  // namespace sluice::base
