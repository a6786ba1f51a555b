#include "postgres/link/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/text.hpp"

namespace sluice::postgres {

void ArrayText::separate() {
  if (text_.size() > 1) text_ += ',';
}

void ArrayText::add(std::string_view text) {
  separate();
  text_ += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') text_ += '\\';
    text_ += c;
  }
  text_ += '"';
}

void ArrayText::add(std::int64_t number) {
  separate();
  text_ += std::to_string(number);
}

void ArrayText::add_flag(bool flag) {
  separate();
  text_ += flag ? 't' : 'f';
}

void ArrayText::add_null() {
  separate();
  text_ += "NULL";
}

std::string array_text(const std::vector<std::int64_t>& numbers) {
  ArrayText array;
  for (const auto number : numbers) array.add(number);
  return array.str();
}

std::string array_text(const std::vector<std::string>& texts) {
  ArrayText array;
  for (const auto& text : texts) array.add(base::valid_utf8(text));
  return array.str();
}

std::string text_of(const pqxx::field& field) {
  return std::string(field.c_str(), field.size());
}

std::string cursor_text(std::optional<double> cursor) {
  constexpr double first = -210866803200.0;  // 4714-11-24 BC, where PostgreSQL's timestamps begin
  constexpr double last = 9224318015999.0;   // the end of the year 294276, where they end
  if (!cursor || std::isnan(*cursor) || *cursor < first) return "-Infinity";
  if (*cursor > last) return "Infinity";
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), *cursor).ptr;
  return std::string(digits.data(), end);
}

double parse_double(std::string_view text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::int64_t bounded_microseconds(job::Microseconds time) {
  constexpr job::Microseconds century = std::chrono::hours(24) * 36525;
  return std::clamp(time, job::Microseconds(0), century).count();
}

std::string ascii_only(std::string_view text) {
  std::string out(text);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c != '\n' && c != '\t' && (c < ' ' || c > '~'); }, '?');
  return out;
}

}  // namespace sluice::postgres
