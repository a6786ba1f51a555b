#include "host/json_tree.hpp"

#include <algorithm>
#include <cfloat>
#include <charconv>
#include <cmath>
#include <functional>

namespace sluice::host {

namespace {

using rapidjson::Value;

void descend(int depth) {
  if (depth > TooDeep::limit) throw TooDeep();
}

bool same_numbers(const Value& a, const Value& b) {
  if (a.IsInt64() && b.IsInt64()) return a.GetInt64() == b.GetInt64();
  if (a.IsUint64() && b.IsUint64()) return a.GetUint64() == b.GetUint64();
  return a.GetDouble() == b.GetDouble();
}

bool same_members(const Value& a, const Value& b, int depth) {
  if (a.MemberCount() != b.MemberCount()) return false;
  return std::all_of(a.MemberBegin(), a.MemberEnd(), [&](const auto& member) {
    const auto other = b.FindMember(member.name);
    return other != b.MemberEnd() && same(member.value, other->value, depth + 1);
  });
}

constexpr std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {
  return (a ^ (b + 0x9e3779b97f4a7c15U + (a << 6U) + (a >> 2U))) * 0xff51afd7ed558ccdU;
}

}  // namespace

bool JsonTree::Root::Null() {
  ++nulls;
  return rapidjson::Document::Null();
}

bool JsonTree::Root::Double(double value) {
  return rapidjson::Document::Double(std::isfinite(value) ? value : std::copysign(DBL_MAX, value));
}

bool JsonTree::Root::RawNumber(const char* text, rapidjson::SizeType size, bool) {
  const char* const end = text + size;
  std::int64_t integer = 0;
  if (const auto [rest, error] = std::from_chars(text, end, integer); error == std::errc() && rest == end) {
    return Int64(integer);
  }
  std::uint64_t large = 0;
  if (const auto [rest, error] = std::from_chars(text, end, large); error == std::errc() && rest == end) {
    return Uint64(large);
  }
  return Double(detail::to_double({text, size}));
}

template <unsigned flags>
rapidjson::ParseResult JsonTree::Root::parse(std::string_view json) {
  nulls = 0;
  rapidjson::ParseResult result;
  auto fill = [&](rapidjson::Document&) {
    rapidjson::MemoryStream stream(json.data() ? json.data() : "", json.size());
    rapidjson::Reader reader;
    result = reader.Parse<flags>(stream, *this);
    return !result.IsError();
  };
  Populate(fill);
  return result;
}

void JsonTree::clear() {
  root_.SetNull();
  pool_.Clear();
}

bool JsonTree::read(std::string_view json) {
  clear();
  rapidjson::ParseResult result = root_.parse<detail::parse_flags>(json);
  if (result.Code() == rapidjson::kParseErrorNumberTooBig) {
    result = root_.parse<detail::parse_flags | rapidjson::kParseNanAndInfFlag>(detail::with_infinities(json));
  }
  if (!result.IsError()) return true;
  failure_ = {result.Offset(), rapidjson::GetParseError_En(result.Code())};
  return false;
}

bool same(const Value& a, const Value& b, int depth) {
  descend(depth);
  if (a.IsNumber() && b.IsNumber()) return same_numbers(a, b);
  if (a.GetType() != b.GetType()) return false;
  if (a.IsString()) return view(a) == view(b);
  if (a.IsObject()) return same_members(a, b, depth);
  if (!a.IsArray()) return true;
  return std::equal(a.Begin(), a.End(), b.Begin(), b.End(),
                    [&](const Value& one, const Value& other) { return same(one, other, depth + 1); });
}

std::uint64_t hash_of(const Value& value, int depth) {
  descend(depth);
  std::uint64_t hash = value.IsNumber() ? rapidjson::kNumberType : value.GetType();
  if (value.IsNumber()) return mixed(hash, std::hash<double>()(value.GetDouble()));
  if (value.IsString()) return mixed(hash, std::hash<std::string_view>()(view(value)));
  if (value.IsArray()) {
    for (const Value& element : value.GetArray()) hash = mixed(hash, hash_of(element, depth + 1));
  } else if (value.IsObject()) {
    for (const auto& [name, member] : value.GetObject()) {
      hash += mixed(std::hash<std::string_view>()(view(name)), hash_of(member, depth + 1));
    }
  }
  return hash;
}

}  // namespace sluice::host
