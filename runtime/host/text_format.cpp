#include "host/text_format.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <re2/re2.h>
#include <re2/stringpiece.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace sluice::host {

namespace {

bool matches(const RE2& form, std::string_view text) {
  return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), form);
}

unsigned number(std::string_view digits) {
  unsigned value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

bool is_date(std::string_view text) {
  static const RE2 form("[0-9]{4}-[0-9]{2}-[0-9]{2}");
  if (!matches(form, text)) return false;
  return std::chrono::year_month_day(std::chrono::year(static_cast<int>(number(text.substr(0, 4)))),
                                     std::chrono::month(number(text.substr(5, 2))),
                                     std::chrono::day(number(text.substr(8, 2))))
      .ok();
}

/// A leap second is at 23:59:60, and only in UTC.
bool is_time(std::string_view text) {
  static const RE2 form(
      "([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)([.][0-9]+)?"
      "([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])");
  if (!matches(form, text)) return false;
  if (text.substr(6, 2) != "60") return true;
  constexpr int day = 24 * 60;
  int minute = static_cast<int>(number(text.substr(0, 2)) * 60 + number(text.substr(3, 2)));
  if (const std::size_t sign = text.find_first_of("+-"); sign != std::string_view::npos) {
    const int offset =
        static_cast<int>(number(text.substr(sign + 1, 2)) * 60 + number(text.substr(sign + 4, 2)));
    minute += text[sign] == '+' ? day - offset : offset;
  }
  return minute % day == day - 1;
}

bool is_date_time(std::string_view text) {
  constexpr std::size_t date_size = 10;
  return text.size() > date_size && (text[date_size] == 'T' || text[date_size] == 't') &&
         is_date(text.substr(0, date_size)) && is_time(text.substr(date_size + 1));
}

bool is_duration(std::string_view text) {
  static const RE2 form(
      "P([0-9]+W|([0-9]+Y([0-9]+M([0-9]+D)?)?|[0-9]+M([0-9]+D)?|[0-9]+D)?"
      "(T([0-9]+H([0-9]+M([0-9]+S)?)?|[0-9]+M([0-9]+S)?|[0-9]+S))?)");
  return text.size() > 1 && matches(form, text);
}

bool is_ip(int family, std::string_view text) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return text.find('\0') == std::string_view::npos &&
         inet_pton(family, std::string(text).c_str(), address.data()) == 1;
}
bool is_ipv4(std::string_view text) {
  return is_ip(AF_INET, text);
}
bool is_ipv6(std::string_view text) {
  return is_ip(AF_INET6, text);
}

bool is_hostname(std::string_view text) {
  static const RE2 form(
      "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?([.][A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*");
  constexpr std::size_t longest = 253;
  return text.size() <= longest && matches(form, text);
}

bool is_email(std::string_view text) {
  static const RE2 local(
      "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+([.][A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
      "|\"([ !#-\\[\\]-~]|\\\\[ -~])*\"");
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos || !matches(local, text.substr(0, at))) return false;
  const std::string_view domain = text.substr(at + 1);
  if (!domain.starts_with('[')) return is_hostname(domain);
  if (!domain.ends_with(']')) return false;
  const std::string_view address = domain.substr(1, domain.size() - 2);
  return address.starts_with("IPv6:") ? is_ipv6(address.substr(5)) : is_ipv4(address);
}

constexpr const char* uri_rest =
    "(?:(?://(?:(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*@)?"
    "(?:\\[(?:[0-9A-Fa-f:.]+|[vV][0-9A-Fa-f]+[.][A-Za-z0-9._~!$&'()*+,;=:-]+)\\]"
    "|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?"
    "(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)*)|PATH)"
    "(?:\\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?"
    "(?:#(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?";

std::string uri_with_path(const std::string& path) {
  std::string form = uri_rest;
  return form.replace(form.find("PATH"), 4, path);
}

bool is_uri(std::string_view text) {
  static const RE2 form("[A-Za-z][A-Za-z0-9+.-]*:" +
                        uri_with_path("/?(?:(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+"
                                      "(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)*)?"));
  return matches(form, text);
}

bool is_uri_reference(std::string_view text) {
  static const RE2 relative(
      uri_with_path("/?(?:(?:[A-Za-z0-9._~!$&'()*+,;=@-]|%[0-9A-Fa-f]{2})+"
                    "(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)*)?"));
  return is_uri(text) || matches(relative, text);
}

bool is_uuid(std::string_view text) {
  static const RE2 form("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}");
  return matches(form, text);
}

bool is_json_pointer(std::string_view text) {
  static const RE2 form("(?s)(/([^~/]|~[01])*)*");
  return matches(form, text);
}

constexpr std::array formats{
    TextFormat{"date", "a date such as 2026-01-31", is_date},
    TextFormat{"date-time", "a time such as 2026-01-31T08:30:00Z", is_date_time},
    TextFormat{"duration", "a duration such as P1DT2H", is_duration},
    TextFormat{"email", "an e-mail address", is_email},
    TextFormat{"hostname", "a host name", is_hostname},
    TextFormat{"ipv4", "an IPv4 address", is_ipv4},
    TextFormat{"ipv6", "an IPv6 address", is_ipv6},
    TextFormat{"json-pointer", "a JSON pointer", is_json_pointer},
    TextFormat{"time", "a time of day such as 08:30:00Z", is_time},
    TextFormat{"uri", "a URI with its scheme", is_uri},
    TextFormat{"uri-reference", "a URI or a relative reference", is_uri_reference},
    TextFormat{"uuid", "a UUID", is_uuid},
};

}  // namespace

const TextFormat* find_format(std::string_view name) {
  const auto* const found =
      std::find_if(formats.begin(), formats.end(), [&](const TextFormat& one) { return one.name == name; });
  return found == formats.end() ? nullptr : found;
}

std::string format_names() {
  std::string names;
  for (const TextFormat& format : formats) names += std::string(names.empty() ? "" : ", ") + format.name;
  return names;
}

}  // namespace sluice::host
