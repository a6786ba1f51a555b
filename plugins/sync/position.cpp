#include "position.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstdint>

#include "json.hpp"

namespace data_sync {

namespace {

std::string member(const rapidjson::Document& json, const char* name) {
  const rapidjson::Value* const found = rapidjson::Pointer(name).Get(json);
  return found == nullptr ? std::string() : plain(*found);
}

std::size_t count(const rapidjson::Document& json, const char* name) {
  const std::string digits = member(json, name);
  const bool usable =
      !digits.empty() && digits.size() < 18 && digits.find_first_not_of("0123456789") == std::string::npos;
  return usable ? std::stoul(digits) : 0;
}

}  // namespace

std::string to_json(const Position& position) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  const auto put = [&](const char* name, const std::string& text) {
    writer.Key(name);
    writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
  };
  writer.StartObject();
  put("asked", position.asked);
  put("next", position.next);
  writer.Key("pages");
  writer.Uint64(position.pages);
  writer.Key("records");
  writer.Uint64(position.records);
  put("cursor", position.cursor);
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

std::optional<Position> position_of(const std::string& json) {
  if (json.empty()) return std::nullopt;
  try {
    const rapidjson::Document read = parse_json(json);
    Position position{member(read, "/asked"), member(read, "/next"), count(read, "/pages"),
                      count(read, "/records"), member(read, "/cursor")};
    if (position.pages == 0 || position.next.empty()) return std::nullopt;
    return position;
  } catch (const BadJson&) {
    return std::nullopt;
  }
}

}  // namespace data_sync
