#include "postgres/link/table_name.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "postgres/interface.hpp"

namespace sluice::postgres {

namespace {

constexpr std::size_t longest_identifier = 63;  // bytes; PostgreSQL cuts off the rest without an error

[[noreturn]] void refuse(std::string_view text, const char* why) {
  throw Refused("table name '" + std::string(text) + "' is invalid: " + why +
                "; expected schema.table, for example public.Outbox");
}

std::string doubled(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote) out += quote;
    out += c;
  }
  return out += quote;
}

/// The part that starts at `position`, which is moved past it.
std::string take_part(std::string_view text, std::size_t& position) {
  if (position >= text.size() || text[position] != '"') {
    const std::size_t end = std::min(text.find('.', position), text.size());
    std::string part(text.substr(position, end - position));
    position = end;
    return part;
  }
  std::string part;
  for (++position; position < text.size(); ++position) {
    if (text[position] == '"') {
      if (position + 1 >= text.size() || text[position + 1] != '"') {
        ++position;
        return part;
      }
      ++position;
    }
    part += text[position];
  }
  refuse(text, "a double quote is not closed");
}

void check_part(std::string_view text, const std::string& part) {
  if (part.empty()) refuse(text, "a part of it is empty");
  if (part.size() > longest_identifier) refuse(text, "a part of it is longer than 63 bytes");
  if (part.find('\0') != std::string::npos) refuse(text, "it holds a NUL character");
}

}  // namespace

std::string quoted_identifier(std::string_view text) {
  return doubled(text, '"');
}

std::string quoted_literal(std::string_view text) {
  std::string plain = doubled(text, '\'');
  if (plain.find('\\') == std::string::npos) return plain;
  std::string escaped = " E";
  for (const char c : plain) {
    if (c == '\\') escaped += c;
    escaped += c;
  }
  return escaped;
}

TableName::TableName(std::string schema, std::string name)
    : schema_(std::move(schema)),
      name_(std::move(name)),
      quoted_(quoted_identifier(schema_) + "." + quoted_identifier(name_)) {}

TableName TableName::parse(std::string_view text) {
  std::size_t position = 0;
  std::string first = take_part(text, position);
  check_part(text, first);
  if (position == text.size()) return TableName("public", std::move(first));
  if (text[position] != '.') refuse(text, "only a dot may follow a closing double quote");
  ++position;
  std::string second;
  if (position < text.size() && text[position] == '"') {
    second = take_part(text, position);
    if (position != text.size()) refuse(text, "something follows the closing double quote");
  } else {
    second = text.substr(position);
  }
  check_part(text, second);
  return TableName(std::move(first), std::move(second));
}

std::string TableName::object(std::string_view suffix) const {
  const std::size_t room = longest_identifier - suffix.size() - 1;
  return quoted_identifier(std::string(base::first_bytes(name_, room)) + "_" + std::string(suffix));
}

}  // namespace sluice::postgres
