#include "dashboard/page_parts.hpp"

#include <rapidjson/pointer.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <utility>

#include "base/harmless.hpp"
#include "base/threads.hpp"

namespace sluice::dashboard {

namespace {

/// JSON that may stand in a script element.
std::string in_script(std::string json) {
  for (auto at = json.find('<'); at != std::string::npos; at = json.find('<', at))
    json.replace(at, 1, "\\u003c");
  return json;
}

/// Where a time is in the picture of a series, 0 to 100.
double place_of(store::Time at, const store::Series& series) {
  const auto steps = std::max<std::size_t>(series.steps.size(), 2) - 1;
  const std::chrono::duration<double> since = at - series.steps.front().at;
  return std::clamp(
      100 * since.count() / (static_cast<double>(steps) * static_cast<double>(series.step.count())), 0.0,
      100.0);
}

}  // namespace

store::Time now() {
  return std::chrono::time_point_cast<std::chrono::microseconds>(base::WallClock::now());
}

Range range_of(const Form& form, const std::string& fallback) {
  using std::chrono::hours;
  using std::chrono::minutes;
  static const std::map<std::string, std::pair<hours, std::chrono::seconds>> ranges{
      {"1h", {hours(1), minutes(1)}},     {"6h", {hours(6), minutes(5)}},  {"1d", {hours(24), minutes(15)}},
      {"7d", {hours(168), minutes(120)}}, {"30d", {hours(720), hours(6)}},
  };
  const std::string given = form.value("range");
  const auto found = ranges.find(given.empty() ? fallback : given);
  if (found == ranges.end())
    throw Problem4xx(400, "unknown range '" + given + "'; known are 1h, 6h, 1d, 7d and 30d", "range");
  const store::Time to = form.value("to").empty() ? now() : parse_time("to", form.value("to"));
  return {to - found->second.first, to, found->second.second};
}

void write(JsonWriter& writer, const store::Mark& mark) {
  member(writer, "at", iso(mark.at));
  member(writer, "kind", mark.kind);
  member(writer, "text", mark.text);
}

std::string chart_of(const store::Series& series, const std::vector<store::Mark>& marks) {
  Object object;
  write(object.writer(), series);
  array_member(object.writer(), "marks", marks, [&](store::Mark mark) {
    mark.text = base::harmless(mark.text);  // it is drawn as it is
    write(object.writer(), mark);
  });
  return in_script(object.text());
}

std::string sparkline(const store::Series& series) {
  double most = 1;
  for (const auto& step : series.steps) most = std::max(most, static_cast<double>(step.outcomes.done));
  std::string points;
  const double wide = std::max<double>(1, static_cast<double>(series.steps.size()) - 1);
  for (std::size_t i = 0; i < series.steps.size(); ++i) {
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "%s%.1f,%.1f", i == 0 ? "" : " ",
                  100.0 * static_cast<double>(i) / wide,
                  23.0 - 22.0 * static_cast<double>(series.steps[i].outcomes.done) / most);
    points += text.data();
  }
  return points;
}

std::string mark_lines(const store::Series& series, const std::vector<store::Mark>& marks) {
  std::string lines;
  for (const store::Mark& mark : marks) {
    if (series.steps.empty()) break;
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%sM%.1f,0V24", lines.empty() ? "" : " ",
                  place_of(mark.at, series));
    lines += text.data();
  }
  return lines;
}

bool sees_payload(const Inquiry& inquiry) {
  return inquiry.visitor.payloads;
}

std::vector<std::string> path_of(const std::string& text) {
  std::vector<std::string> path;
  if (text.starts_with('/')) {
    const rapidjson::Pointer pointer(text.c_str());
    if (!pointer.IsValid()) throw Problem4xx(400, "invalid JSON pointer '" + text + "'");
    for (std::size_t i = 0; i < pointer.GetTokenCount(); ++i)
      path.emplace_back(pointer.GetTokens()[i].name, pointer.GetTokens()[i].length);
    return path;
  }
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const auto end = std::min(text.find('.', begin), text.size());
    path.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return path;
}

namespace {

/// Whether it is an element's place for PostgreSQL, but is not written as a JSON pointer has it.
bool is_crooked_place(std::string_view name) {
  constexpr std::string_view blanks = " \t\n\v\f\r";
  std::string_view digits = name;
  digits.remove_prefix(std::min(digits.find_first_not_of(blanks), digits.size()));
  if (digits.starts_with('+') || digits.starts_with('-')) digits.remove_prefix(1);
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) return false;
  return digits.size() != name.size() || (name.size() > 1 && name.front() == '0');
}

}  // namespace

std::vector<std::string> asked_path(const std::string& parameter, const std::string& text) {
  auto path = path_of(text);
  for (const std::string& name : path) {
    if (is_crooked_place(name))
      throw Problem4xx(400,
                       parameter + " can't be the path '" + text + "': '" + name +
                           "' looks like an element's place; write places as 0, 1, 2, …",
                       parameter);
  }
  return path;
}

bool is_hidden(const std::vector<std::string>& path, const std::vector<std::string>& pointers) {
  return std::any_of(pointers.begin(), pointers.end(), [&](const std::string& pointer) {
    const auto hidden = path_of(pointer);
    const auto common = std::min(hidden.size(), path.size());
    return std::equal(hidden.begin(), hidden.begin() + static_cast<std::ptrdiff_t>(common), path.begin());
  });
}

}  // namespace sluice::dashboard
