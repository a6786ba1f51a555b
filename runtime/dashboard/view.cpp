#include "dashboard/view.hpp"

#include <rapidjson/document.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <kainjow/mustache.hpp>
#include <optional>
#include <stdexcept>

#include "base/duration.hpp"
#include "base/harmless.hpp"
#include "dashboard/form.hpp"

namespace sluice::dashboard {

namespace {

namespace mustache = kainjow::mustache;
using mustache::data;
using rapidjson::Value;

constexpr std::string_view folder = "dashboard/";

std::string duration_text(double seconds) {
  return base::format_duration(std::chrono::microseconds(std::llround(std::max(0.0, seconds) * 1e6)));
}

/// "19.0 MB"
std::string size_text(double bytes) {
  static constexpr std::array<std::string_view, 5> units{"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  for (; bytes >= 1000 && unit + 1 < units.size(); ++unit) bytes /= 1000;
  std::string text = std::to_string(bytes);
  text.erase(text.find('.') + (unit == 0 ? 0 : 2));
  return text + " " + std::string(units.at(unit));
}

std::string number_text(std::string_view name, const Value& number) {
  if (name.ends_with("_seconds")) return duration_text(number.GetDouble());
  if (name.ends_with("_bytes")) return size_text(number.GetDouble());
  if (name.ends_with("_part")) return std::to_string(std::lround(number.GetDouble() * 100)) + " %";
  if (number.IsInt64()) return grouped(number.GetInt64());
  const double value = number.GetDouble();
  if (value >= 100) return grouped(std::llround(value));
  const std::string digits = std::to_string(std::round(value * 10) / 10);
  return digits.substr(0, digits.find('.') + 2);
}

bool is_count(const Value& value) {
  return value.IsObject() && value.MemberCount() == 2 && value.HasMember("count") && value.HasMember("more");
}

std::string count_text(const Value& count) {
  const auto number = count["count"].GetInt64();
  if (!count["more"].GetBool()) return grouped(number);
  return number % 1000 == 0 && number > 0 ? "≥ " + grouped(number / 1000) + "k" : "≥ " + grouped(number);
}

/// A member whose value may stand in a link.
bool is_part_of_path(std::string_view name) {
  return name == "id" || name == "type" || name == "example" || name == "code" || name == "message" ||
         name == "frame";
}

bool is_list_of_numbers(const Value& value) {
  return value.IsArray() && !value.Empty() && value[0].IsNumber();
}

/// The greatest number in the lists of an object, at least 1.
double greatest(const Value& object) {
  double most = 1;
  for (const auto& member : object.GetObject()) {
    if (!is_list_of_numbers(member.value)) continue;
    for (const auto& one : member.value.GetArray()) most = std::max(most, one.GetDouble());
  }
  return most;
}

/// The points of a polyline, 100 by 24. Those between equal ones are left out.
std::string points_of(const Value& list, double most) {
  std::string points;
  const rapidjson::SizeType last = list.Size() - 1;
  for (rapidjson::SizeType i = 0; i <= last; ++i) {
    const bool inner = i > 0 && i < last;
    if (inner && list[i] == list[i - 1] && list[i] == list[i + 1]) continue;
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "%s%.1f,%.1f", points.empty() ? "" : " ",
                  100.0 * i / std::max<rapidjson::SizeType>(last, 1),
                  23.0 - 22.0 * list[i].GetDouble() / most);
    points += text.data();
  }
  return points;
}

data converted(const Value& value);
data converted_list(const std::string& name, const Value& value);

std::string text_of(const Value& value) {
  return {value.GetString(), value.GetStringLength()};
}

/// JSON of an application or a plugin, of any depth. Templates have its text; here only whether it is there.
bool is_foreign(std::string_view name) {
  return name == "payload" || name == "output" || name == "payload_schema";
}

void set(data& object, const std::string& name, const Value& value) {
  if (is_foreign(name)) {
    object.set(name, !value.IsNull());
    return;
  }
  object.set(name, value.IsArray() ? converted_list(name, value) : converted(value));
  if (value.IsNumber()) object.set(name + "_text", number_text(name, value));
  if (value.IsNumber() && name.starts_with("more_")) object.set("has_" + name, value.GetDouble() > 0);
  if (is_count(value)) object.set(name + "_text", count_text(value));
  if (value.IsArray()) object.set("any_" + name, !value.Empty());
  if (value.IsString() && is_part_of_path(name)) object.set(name + "_code", encoded(value.GetString()));
  if (value.IsString()) object.set(name + "_raw", text_of(value));
}

/// The members of a list are what a form sends back, or ids of jobs, or texts.
data converted_list(const std::string& name, const Value& value) {
  data list{data::type::list};
  for (const auto& one : value.GetArray()) {
    if (one.IsString() && (name == "ids" || name == "types")) {
      data named{data::type::object};
      set(named, name.substr(0, name.size() - 1), one);
      list.push_back(named);
    } else {
      list.push_back(one.IsString() && name.starts_with("in_") ? data(text_of(one)) : converted(one));
    }
  }
  return list;
}

data converted_object(const Value& value) {
  data object{data::type::object};
  const double most = greatest(value);
  for (const auto& member : value.GetObject()) {
    const std::string name(member.name.GetString(), member.name.GetStringLength());
    set(object, name, member.value);
    if (is_list_of_numbers(member.value)) object.set(name + "_points", points_of(member.value, most));
  }
  return object;
}

data converted(const Value& value) {
  if (value.IsObject()) return converted_object(value);
  if (value.IsArray()) return converted_list("", value);
  if (value.IsString() && value.GetStringLength() > 0)  // an empty text is false: sections can ask for it
    return base::harmless_lines(text_of(value));
  if (value.IsBool()) return value.GetBool();
  if (value.IsInt64()) return std::to_string(value.GetInt64());
  if (value.IsNumber()) return std::to_string(value.GetDouble());
  return false;
}

bool is_json(std::string_view name) {
  return name == "payload_text" || name == "output_text";
}

std::string template_text(std::string_view name) {
  const auto* file = web_file("templates/" + std::string(name) + ".html");
  if (file == nullptr) throw std::logic_error("there is no template " + std::string(name));
  return std::string(*file);
}

}  // namespace

const std::string_view* web_file(std::string_view name) {
  for (const WebFile& file : web_files()) {
    if (file.path.starts_with(folder) && file.path.substr(folder.size()) == name) return &file.text;
  }
  return nullptr;
}

std::string grouped(long long number) {
  std::string digits = std::to_string(number);
  const std::size_t first = number < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string rendered(std::string_view name, const std::string& model,
                     const std::map<std::string, std::string>& texts, bool with_layout) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseNanAndInfFlag>(model.c_str());
  if (!document.IsObject())
    throw std::logic_error("the model of page " + std::string(name) + " is no object");
  data values = converted_object(document);
  for (const auto& [key, text] : texts) {
    const std::string shown = is_json(key) ? base::harmless_json(text) : text;
    values.set(key, shown.empty() ? data(false) : data(shown));
  }
  mustache::mustache content(template_text(name));
  std::string html = content.render(values);
  if (!content.is_valid())
    throw std::logic_error("template " + std::string(name) + ": " + content.error_message());
  if (!with_layout) return html;
  values.set("content", html);
  mustache::mustache layout(template_text("layout"));
  return layout.render(values);
}

}  // namespace sluice::dashboard
