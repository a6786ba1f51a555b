#include "workshop/json_difference.hpp"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>

#include "base/text.hpp"

namespace sluice::workshop {

namespace {

using Value = rapidjson::Value;

/// Texts that are nested deeper are compared as wholes, because RapidJSON writes and compares recursively.
constexpr std::size_t most_levels = 1000;

std::string text_of(const Value* value) {
  if (value == nullptr) return "";
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value->Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

/// A name as a part of a pointer.
std::string part_of(const Value& name) {
  return "/" + base::pointer_token({name.GetString(), name.GetStringLength()});
}

const Value* member(const Value& object, const Value& name) {
  const auto found = object.FindMember(name);
  return found == object.MemberEnd() ? nullptr : &found->value;
}

class Comparison {
 public:
  explicit Comparison(std::size_t most) : most_(most) {}

  /// Null: absent.
  void compare(const std::string& pointer, const Value* was, const Value* is) {
    if (found_.size() == most_) return;
    const bool both = was != nullptr && is != nullptr;
    if (both && was->IsObject() && is->IsObject()) return compare_objects(pointer, *was, *is);
    if (both && was->IsArray() && is->IsArray()) return compare_arrays(pointer, *was, *is);
    const bool same = was == is || (was != nullptr && is != nullptr && *was == *is);
    if (!same) found_.push_back({pointer, text_of(was), text_of(is)});
  }
  std::vector<JsonDifference> take() { return std::move(found_); }

 private:
  void compare_objects(const std::string& pointer, const Value& was, const Value& is) {
    for (const auto& [name, value] : was.GetObject())
      compare(pointer + part_of(name), &value, member(is, name));
    for (const auto& [name, value] : is.GetObject()) {
      if (member(was, name) == nullptr) compare(pointer + part_of(name), nullptr, &value);
    }
  }
  void compare_arrays(const std::string& pointer, const Value& was, const Value& is) {
    for (rapidjson::SizeType i = 0; i < std::max(was.Size(), is.Size()); ++i) {
      compare(pointer + "/" + std::to_string(i), i < was.Size() ? &was[i] : nullptr,
              i < is.Size() ? &is[i] : nullptr);
    }
  }

  const std::size_t most_;
  std::vector<JsonDifference> found_;
};

bool parse(rapidjson::Document& document, const std::string& text) {
  if (base::is_nested_deeper(text, most_levels)) return false;
  document.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
  return text.empty() || !document.HasParseError();
}

}  // namespace

std::vector<JsonDifference> json_differences(const std::string& was, const std::string& is,
                                             std::size_t most) {
  rapidjson::Document before;
  rapidjson::Document after;
  if (!parse(before, was) || !parse(after, is))
    return was == is ? std::vector<JsonDifference>{} : std::vector<JsonDifference>{{"", was, is}};
  Comparison comparison(most);
  comparison.compare("", was.empty() ? nullptr : &before, is.empty() ? nullptr : &after);
  return comparison.take();
}

}  // namespace sluice::workshop
