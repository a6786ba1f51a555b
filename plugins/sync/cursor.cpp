#include "cursor.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ctime>

#include "bad_record.hpp"
#include "json.hpp"

namespace data_sync {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Removes digits from the beginning of `text`, at least `least` and at most `most`.
std::optional<std::string_view> take_digits(std::string_view& text, std::size_t least, std::size_t most) {
  std::size_t count = 0;
  while (count < text.size() && count < most && is_digit(text[count])) ++count;
  if (count < least) return std::nullopt;
  const std::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

/// 0.DIGITS times ten to the power of `exponent`. Without digits, it is zero.
struct Decimal {
  bool negative = false;
  std::string digits;  // neither begins nor ends with a zero
  std::int64_t exponent = 0;
};

std::int64_t exponent_of(std::string_view text) {
  constexpr std::int64_t endless = 100'000'000'000'000'000;
  const bool negative = take(text, "-");
  if (!negative) take(text, "+");
  std::int64_t value = 0;
  for (const char c : text) value = std::min(value, endless) * 10 + (c - '0');
  return negative ? -value : value;
}

std::optional<Decimal> decimal_of(std::string_view text) {
  Decimal decimal;
  decimal.negative = take(text, "-");
  const auto whole = take_digits(text, 1, text.size());
  if (!whole) return std::nullopt;
  decimal.digits = *whole;
  decimal.exponent = static_cast<std::int64_t>(whole->size());
  if (take(text, ".")) {
    const auto fraction = take_digits(text, 1, text.size());
    if (!fraction) return std::nullopt;
    decimal.digits += *fraction;
  }
  if (take(text, "eE")) {
    const std::string_view exponent = text;
    take(text, "+-");
    if (!take_digits(text, 1, text.size())) return std::nullopt;
    decimal.exponent += exponent_of(exponent);
  }
  if (!text.empty()) return std::nullopt;
  const std::size_t zeros = std::min(decimal.digits.find_first_not_of('0'), decimal.digits.size());
  decimal.digits.erase(0, zeros);
  decimal.digits.resize(decimal.digits.find_last_not_of('0') + 1);
  decimal.exponent -= static_cast<std::int64_t>(zeros);
  return decimal;
}

int sign(const Decimal& decimal) {
  return decimal.digits.empty() ? 0 : (decimal.negative ? -1 : 1);
}

int compare(const Decimal& a, const Decimal& b) {
  if (sign(a) != sign(b) || sign(a) == 0) return sign(a) - sign(b);
  if (a.exponent != b.exponent) return a.exponent < b.exponent ? -sign(a) : sign(a);
  return a.digits.compare(b.digits) * sign(a);
}

struct Instant {
  std::int64_t seconds = 0;  // since 1970
  std::string fraction;      // digits
};

std::optional<int> number(std::optional<std::string_view> digits) {
  if (!digits) return std::nullopt;
  int value = 0;
  for (const char c : *digits) value = value * 10 + (c - '0');
  return value;
}

/// "+02:00", "-0930", "Z" or nothing, in seconds east.
std::optional<std::int64_t> take_zone(std::string_view& text) {
  if (text.empty() || take(text, "zZ")) return 0;
  const bool west = text.front() == '-';
  if (!take(text, "+-")) return std::nullopt;
  const auto hours = number(take_digits(text, 2, 2));
  take(text, ":");
  const auto minutes = text.empty() ? std::optional(0) : number(take_digits(text, 2, 2));
  if (!hours || !minutes) return std::nullopt;
  return (west ? -1 : 1) * (std::int64_t{*hours} * 3600 + *minutes * 60);
}

/// Reads "14:05" or "14:05:09.123456" into `time`.
bool take_time(std::string_view& text, std::tm& time, std::string& fraction) {
  const auto hour = number(take_digits(text, 2, 2));
  const bool colon = take(text, ":");
  const auto minute = number(take_digits(text, 2, 2));
  if (!hour || !colon || !minute) return false;
  time.tm_hour = *hour;
  time.tm_min = *minute;
  if (!take(text, ":")) return true;
  const auto second = number(take_digits(text, 2, 2));
  if (!second) return false;
  time.tm_sec = *second;
  if (take(text, ".,")) {
    const auto digits = take_digits(text, 1, text.size());
    if (!digits) return false;
    fraction = digits->substr(0, digits->find_last_not_of('0') + 1);
  }
  return true;
}

std::optional<Instant> instant_of(std::string_view text) {
  std::tm time{};
  Instant instant;
  const auto year = number(take_digits(text, 4, 4));
  const bool first = take(text, "-");
  const auto month = number(take_digits(text, 2, 2));
  const bool second = take(text, "-");
  const auto day = number(take_digits(text, 2, 2));
  if (!year || !first || !month || !second || !day || *month < 1 || *month > 12) return std::nullopt;
  time.tm_year = *year - 1900;
  time.tm_mon = *month - 1;
  time.tm_mday = *day;
  std::int64_t east = 0;
  if (!text.empty()) {
    if (!take(text, "Tt ") || !take_time(text, time, instant.fraction)) return std::nullopt;
    const auto zone = take_zone(text);
    if (!zone || !text.empty()) return std::nullopt;
    east = *zone;
  }
  instant.seconds = timegm(&time) - east;
  return instant;
}

int compare(const Instant& a, const Instant& b) {
  if (a.seconds != b.seconds) return a.seconds < b.seconds ? -1 : 1;
  return a.fraction.compare(b.fraction);
}

}  // namespace

int compare_numbers(std::string_view a, std::string_view b) {
  return compare(decimal_of(a).value(), decimal_of(b).value());
}

std::optional<int> compare_cursors(const rapidjson::Value& a, const rapidjson::Value& b) {
  const std::string first = plain(a);
  const std::string second = plain(b);
  const auto first_number = decimal_of(first);
  const auto second_number = decimal_of(second);
  if (first_number && second_number) return compare(*first_number, *second_number);
  if (!is_text(a) || !is_text(b)) return std::nullopt;
  const auto first_time = instant_of(first);
  const auto second_time = instant_of(second);
  if (first_time && second_time) return compare(*first_time, *second_time);
  return first.compare(second);
}

Cursor::Cursor(const std::optional<rapidjson::Pointer>& pointer, const std::string& largest)
    : pointer_(pointer) {
  if (!largest.empty()) largest_ = parse_json(largest);
}

void Cursor::see(const rapidjson::Value& record) {
  if (!pointer_) return;
  const rapidjson::Value* found = pointer_->Get(record);
  if (found == nullptr || found->IsNull()) return;
  const bool usable = is_text(*found) || is_number(*found);
  const auto order = !usable || largest_.IsNull() ? std::optional(-1) : compare_cursors(largest_, *found);
  if (!usable || !order) {
    throw BadRecord("bad-cursor",
                    "its cursor is not a text or a number, or can't be compared with the others; fix cursor "
                    "of the source");
  }
  if (*order < 0) largest_.CopyFrom(*found, largest_.GetAllocator());
}

std::string Cursor::text() const {
  return largest_.IsNull() ? std::string() : to_text(largest_);
}

}  // namespace data_sync
