#include "cli/plugin/schema_table.hpp"

#include <rapidjson/document.h>
#include <rapidjson/pointer.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <vector>

#include "base/harmless.hpp"

namespace sluice::cli {

namespace {

using rapidjson::Document;
using rapidjson::Value;

constexpr int deepest = 6;

std::string text_of(const Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

/// Code for a table cell.
std::string code(const std::string& text) {
  std::string safe;
  for (const char c : base::harmless(text)) safe += c == '|' ? "\\|" : std::string(1, c);
  return (safe.find('`') == std::string::npos ? "`" + safe + "`" : "`` " + safe + " ``");
}

/// Words for a table cell.
std::string cell(const std::string& text) {
  std::string safe;
  std::string line = text;
  std::replace(line.begin(), line.end(), '\n', ' ');
  for (const char c : base::harmless(line)) safe += c == '|' ? "\\|" : std::string(1, c);
  return safe;
}

class Table {
 public:
  explicit Table(const std::string& schema) {
    schema_.Parse<rapidjson::kParseIterativeFlag>(schema.data(), schema.size());
  }

  std::string text() {
    if (schema_.HasParseError() || !schema_.IsObject()) return "";
    add_fields(schema_, "", 0);
    std::string all;
    if (!rows_.empty()) all = "| field | is | needed | about |\n|---|---|---|---|\n" + rows_ + "\n";
    const Value& whole = resolved(schema_);
    if (!is_object(whole)) all += "The payload is " + kind(whole, 0) + ".\n\n";
    if (const Value* more = find(whole, "additionalProperties"); more != nullptr && more->IsFalse())
      all += "No other fields are allowed.\n\n";
    if (const std::string choices = choices_of(whole); !choices.empty()) all += choices + ".\n\n";
    return all;
  }

 private:
  static const Value* find(const Value& object, const char* key) {
    if (!object.IsObject()) return nullptr;
    const auto found = object.FindMember(key);
    return found == object.MemberEnd() ? nullptr : &found->value;
  }

  const Value& resolved(const Value& schema) const {
    const Value* at = &schema;
    for (int steps = 0; steps < deepest; ++steps) {
      const Value* reference = find(*at, "$ref");
      if (reference == nullptr || !reference->IsString()) return *at;
      const Value* target = rapidjson::Pointer(reference->GetString()).Get(schema_);
      if (target == nullptr) return *at;
      at = target;
    }
    return *at;
  }

  static bool is_object(const Value& schema) {
    const Value* type = find(schema, "type");
    return type == nullptr ? find(schema, "properties") != nullptr || find(schema, "required") != nullptr
                           : *type == "object";
  }

  static bool requires_field(const Value& schema, const Value& name) {
    const Value* required = find(schema, "required");
    return required != nullptr && required->IsArray() &&
           std::any_of(required->Begin(), required->End(), [&](const Value& one) { return one == name; });
  }

  void add_fields(const Value& unresolved, const std::string& prefix, int depth) {
    const Value& schema = resolved(unresolved);
    if (depth >= deepest) return;
    if (const Value* properties = find(schema, "properties");
        properties != nullptr && properties->IsObject()) {
      for (const auto& property : properties->GetObject())
        add_field(property.name, property.value, schema, prefix, depth);
    }
    if (const Value* required = find(schema, "required"); required != nullptr && required->IsArray()) {
      const Value* properties = find(schema, "properties");
      for (const Value& name : required->GetArray()) {
        if (!name.IsString() || (properties != nullptr && find(*properties, name.GetString()) != nullptr))
          continue;
        rows_ += "| " + code(prefix + name.GetString()) + " | anything | yes | |\n";
      }
    }
  }

  void add_field(const Value& name, const Value& unresolved, const Value& holder, const std::string& prefix,
                 int depth) {
    const Value& schema = resolved(unresolved);
    const std::string path = prefix + name.GetString();
    const Value* about = find(unresolved, "description");
    if (about == nullptr) about = find(schema, "description");
    rows_ += "| " + code(path) + " | " + kind(schema, 0) + " | " +
             (requires_field(holder, name) ? "yes" : "") + " | " +
             (about != nullptr && about->IsString() ? cell(about->GetString()) : "") + " |\n";
    if (is_object(schema)) add_fields(schema, path + ".", depth + 1);
    if (const Value* items = find(schema, "items"); items != nullptr && items->IsObject())
      add_fields(*items, path + "[].", depth + 1);
  }

  /// "text, 1 to 255 characters", "one of `a`, `b`", "a list of text".
  std::string kind(const Value& unresolved, int depth) const {
    const Value& schema = resolved(unresolved);
    if (depth > 2) return "anything";
    if (const Value* values = find(schema, "enum"); values != nullptr && values->IsArray()) {
      std::string all;
      for (const Value& value : values->GetArray()) all += (all.empty() ? "" : ", ") + code(text_of(value));
      return values->Size() == 1 ? all : "one of " + all;
    }
    for (const char* key : {"oneOf", "anyOf"}) {
      const Value* options = find(schema, key);
      if (options == nullptr || !options->IsArray() || find(schema, "type") != nullptr) continue;
      std::string all;
      for (const Value& option : options->GetArray())
        all += (all.empty() ? "" : ", or ") + kind(option, depth + 1);
      return all;
    }
    const Value* type = find(schema, "type");
    if (type != nullptr && type->IsArray()) {
      std::string all;
      for (const Value& one : type->GetArray())
        all += (all.empty() ? "" : " or ") + (one.IsString() ? named(one.GetString(), schema, depth) : "");
      return all;
    }
    if (type != nullptr && type->IsString()) return named(type->GetString(), schema, depth);
    return is_object(schema) ? "an object" : "anything";
  }

  std::string named(const std::string& type, const Value& schema, int depth) const {
    if (type == "string")
      return "text" + bounds(schema, "minLength", "maxLength", "character") + pattern(schema);
    if (type == "integer") return "a whole number" + range(schema);
    if (type == "number") return "a number" + range(schema);
    if (type == "boolean") return "`true` or `false`";
    if (type == "null") return "`null`";
    if (type == "object") return "an object";
    if (type == "array") {
      const Value* items = find(schema, "items");
      return "a list" + (items != nullptr && items->IsObject() ? " of " + kind(*items, depth + 1) : "") +
             bounds(schema, "minItems", "maxItems", "item");
    }
    return code(type);
  }

  static std::string pattern(const Value& schema) {
    const Value* expression = find(schema, "pattern");
    if (expression != nullptr && expression->IsString()) return ", like " + code(expression->GetString());
    const Value* format = find(schema, "format");
    return format != nullptr && format->IsString() ? ", a " + cell(format->GetString()) : "";
  }

  static std::string bounds(const Value& schema, const char* low, const char* high, const std::string& unit) {
    const Value* least = find(schema, low);
    const Value* most = find(schema, high);
    if (least != nullptr && most != nullptr)
      return ", " + text_of(*least) + " to " + text_of(*most) + " " + unit + "s";
    if (least != nullptr) return ", at least " + text_of(*least) + " " + unit + (*least == 1 ? "" : "s");
    if (most != nullptr) return ", at most " + text_of(*most) + " " + unit + (*most == 1 ? "" : "s");
    return "";
  }

  static std::string range(const Value& schema) {
    const Value* least = find(schema, "minimum");
    const Value* most = find(schema, "maximum");
    const auto is_open = [&](const char* key) {
      const Value* open = find(schema, key);
      return open != nullptr && open->IsTrue();
    };
    std::string text;
    if (least != nullptr) text += (is_open("exclusiveMinimum") ? ", over " : ", from ") + text_of(*least);
    if (most != nullptr) text += (is_open("exclusiveMaximum") ? ", below " : ", up to ") + text_of(*most);
    if (const Value* step = find(schema, "multipleOf"); step != nullptr)
      text += ", a multiple of " + text_of(*step);
    return text;
  }

  /// {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}: "Exactly one of `a` or `b` is needed".
  std::string choices_of(const Value& schema) const {
    std::string text;
    for (const auto& [key, words] : {std::pair{"oneOf", "Exactly one of these is needed: "},
                                     std::pair{"anyOf", "At least one of these is needed: "}}) {
      const Value* options = find(schema, key);
      if (options == nullptr || !options->IsArray()) continue;
      std::string all;
      for (const Value& option : options->GetArray()) {
        const Value* required = find(resolved(option), "required");
        if (required == nullptr || !required->IsArray()) return text;
        std::string names;
        for (const Value& name : required->GetArray())
          names += (names.empty() ? "" : " with ") + (name.IsString() ? code(name.GetString()) : "");
        all += (all.empty() ? "" : ", ") + names;
      }
      text += words + all;
    }
    return text;
  }

  Document schema_;
  std::string rows_;
};

}  // namespace

std::string schema_table(const std::string& schema) {
  return Table(schema).text();
}

std::string indented_json(const std::string& json) {
  Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  if (document.HasParseError()) return json;
  rapidjson::StringBuffer buffer;
  rapidjson::PrettyWriter<rapidjson::StringBuffer> writer(buffer);
  writer.SetIndent(' ', 2);
  document.Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace sluice::cli
