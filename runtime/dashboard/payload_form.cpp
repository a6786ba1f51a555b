#include "dashboard/payload_form.hpp"

#include <rapidjson/document.h>
#include <rapidjson/pointer.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <utility>

#include "base/json_writer.hpp"
#include "base/text.hpp"

namespace sluice::dashboard {

namespace {

using base::array_member;
using base::member;
using rapidjson::Value;
using Kind = PayloadField::Kind;

constexpr std::size_t most_fields = 40;
constexpr std::string_view prefix = "field.";

std::string json_of(const Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

std::string text_member(const Value& object, const char* key) {
  const auto found = object.FindMember(key);
  return found != object.MemberEnd() && found->value.IsString()
             ? std::string(found->value.GetString(), found->value.GetStringLength())
             : std::string();
}

/// What a reference within the schema means; the value itself if it is none.
const Value& resolved(const Value& root, const Value& value) {
  const Value* at = &value;
  for (int steps = 0; at->IsObject() && steps < 10; ++steps) {
    const std::string reference = text_member(*at, "$ref");
    if (!reference.starts_with('#')) break;
    const rapidjson::Pointer pointer(decoded(reference.substr(1)).c_str());
    const Value* const next = pointer.IsValid() ? pointer.Get(root) : nullptr;
    if (next == nullptr) break;
    at = next;
  }
  return *at;
}

/// The type, without null, if there is one.
std::string type_of(const Value& rule) {
  const auto found = rule.FindMember("type");
  if (found == rule.MemberEnd()) return "";
  if (found->value.IsString()) return found->value.GetString();
  std::string type;
  if (!found->value.IsArray()) return "";
  for (const Value& one : found->value.GetArray()) {
    if (!one.IsString() || std::strcmp(one.GetString(), "null") == 0) continue;
    if (!type.empty()) return "";
    type = one.GetString();
  }
  return type;
}

bool has(const Value& rule, const char* key) {
  return rule.HasMember(key);
}

Kind kind_of(const Value& rule) {
  if (has(rule, "enum") && rule["enum"].IsArray()) return Kind::choice;
  const std::string type = type_of(rule);
  if (type == "string") return Kind::text;
  if (type == "integer") return Kind::whole;
  if (type == "number") return Kind::number;
  if (type == "boolean") return Kind::truth;
  return Kind::json;
}

std::string written(Kind kind, const Value& value) {
  if (kind == Kind::text && value.IsString()) return {value.GetString(), value.GetStringLength()};
  return json_of(value);
}

PayloadField field_of(const Value& root, const std::string& name, const Value& property) {
  PayloadField field;
  field.name = name;
  const Value& rule = resolved(root, property);
  if (!rule.IsObject()) return field;
  field.kind = kind_of(rule);
  field.format = text_member(rule, "format");
  const std::string title = text_member(rule, "title");
  const std::string description = text_member(rule, "description");
  field.description = title + (title.empty() || description.empty() ? "" : ": ") + description;
  if (field.kind == Kind::choice) {
    for (const Value& one : rule["enum"].GetArray()) field.choices.push_back(json_of(one));
  }
  if (has(rule, "default")) field.value = written(field.kind, rule["default"]);
  return field;
}

bool is_number(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first != std::string::npos &&
         (text[first] == '-' || std::isdigit(static_cast<unsigned char>(text[first])) != 0) &&
         base::is_json(text);
}

bool is_whole(const std::string& text) {
  const std::size_t sign = text.starts_with('-') ? 1 : 0;
  return text.size() > sign && is_number(text) &&
         std::all_of(text.begin() + static_cast<std::ptrdiff_t>(sign), text.end(),
                     [](unsigned char c) { return std::isdigit(c) != 0; });
}

/// Empty if the value may stand in JSON as `kind` writes it.
std::string trouble(const PayloadField& field) {
  switch (field.kind) {
    case Kind::whole:
      return is_whole(field.value) ? "" : "expected a whole number";
    case Kind::number:
      return is_number(field.value) ? "" : "expected a number, such as 1.5";
    case Kind::truth:
      return field.value == "true" || field.value == "false" ? "" : "expected true or false";
    case Kind::choice:
      return std::count(field.choices.begin(), field.choices.end(), field.value) > 0
                 ? ""
                 : "expected one of the choices";
    case Kind::json:
      return base::is_json(field.value) ? "" : "expected JSON, such as {\"key\": [1, 2]}";
    case Kind::text:
      break;
  }
  return "";
}

const char* input_of(const PayloadField& field) {
  static constexpr std::array<std::pair<std::string_view, const char*>, 3> types{
      {{"email", "email"}, {"uri", "url"}, {"date", "date"}}};
  for (const auto& [format, type] : types) {
    if (field.format == format) return type;
  }
  return "text";
}

}  // namespace

std::vector<PayloadField> fields_of(const std::string& schema) {
  std::vector<PayloadField> fields;
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(schema.c_str());
  const rapidjson::Document& root = document;
  if (!root.IsObject()) return fields;
  const auto properties = root.FindMember("properties");
  if (properties == root.MemberEnd() || !properties->value.IsObject() ||
      properties->value.MemberCount() > most_fields)
    return fields;
  for (const auto& property : properties->value.GetObject())
    fields.push_back(
        field_of(root, {property.name.GetString(), property.name.GetStringLength()}, property.value));
  if (const auto required = root.FindMember("required");
      required != root.MemberEnd() && required->value.IsArray()) {
    for (PayloadField& field : fields) {
      const auto& names = required->value.GetArray();
      field.required = std::any_of(names.begin(), names.end(), [&](const Value& name) {
        return name.IsString() && field.name == name.GetString();
      });
    }
  }
  std::stable_partition(fields.begin(), fields.end(), [](const auto& field) { return field.required; });
  return fields;
}

bool fill(std::vector<PayloadField>& fields, const Form& form) {
  bool any = false;
  for (const PayloadField& field : fields) any = any || form.has(std::string(prefix) + field.name);
  if (!any) return false;
  for (PayloadField& field : fields) field.value = form.value(std::string(prefix) + field.name);
  return true;
}

std::optional<std::string> payload_of(std::vector<PayloadField>& fields) {
  std::string members;
  bool good = true;
  for (PayloadField& field : fields) {
    if (field.value.empty()) continue;
    field.problem = trouble(field);
    good = good && field.problem.empty();
    members += (members.empty() ? "" : ", ") + base::json_quote(base::valid_utf8(field.name)) + ": " +
               (field.kind == Kind::text ? base::json_quote(base::valid_utf8(field.value)) : field.value);
  }
  if (!good) return std::nullopt;
  return "{" + members + "}";
}

std::vector<PayloadProblem> assign(std::vector<PayloadField>& fields, std::vector<PayloadProblem> problems) {
  std::erase_if(problems, [&](const PayloadProblem& problem) {
    const rapidjson::Pointer pointer(problem.pointer.c_str());
    if (!pointer.IsValid() || pointer.GetTokenCount() == 0) return false;
    const std::string_view first(pointer.GetTokens()[0].name, pointer.GetTokens()[0].length);
    const auto field =
        std::find_if(fields.begin(), fields.end(), [&](const auto& one) { return one.name == first; });
    if (field == fields.end()) return false;
    const bool below = pointer.GetTokenCount() > 1;
    if (field->problem.empty()) field->problem = (below ? "at " + problem.pointer + ": " : "") + problem.text;
    return true;
  });
  return problems;
}

std::string view_of(const std::vector<PayloadField>& fields) {
  rapidjson::StringBuffer buffer;
  base::JsonWriter writer(buffer);
  writer.StartObject();
  array_member(writer, "fields", fields, [&](const PayloadField& field) {
    member(writer, "name", field.name);
    member(writer, "required", field.required);
    member(writer, "description", field.description);
    member(writer, "problem", field.problem);
    member(writer, "value", field.value);
    member(writer, "input", std::string(input_of(field)));
    member(writer, "is_line", field.kind == Kind::text);
    member(writer, "is_number", field.kind == Kind::whole || field.kind == Kind::number);
    member(writer, "is_whole", field.kind == Kind::whole);
    member(writer, "is_json", field.kind == Kind::json);
    std::vector<std::string> choices = field.choices;
    if (field.kind == Kind::truth) choices = {"true", "false"};
    array_member(writer, "choices", choices, [&](const std::string& choice) {
      member(writer, "choice", choice);
      member(writer, "chosen", choice == field.value);
    });
  });
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace sluice::dashboard
