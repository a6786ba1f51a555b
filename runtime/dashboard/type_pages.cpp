// Pages Types and Type, and the form for a test job.
#include <algorithm>
#include <cctype>
#include <tuple>

#include "base/harmless.hpp"
#include "base/text.hpp"
#include "dashboard/page_parts.hpp"
#include "dashboard/payload_form.hpp"

namespace sluice::dashboard {

namespace {

/// A version that took over from another one in the time of the series, and what was done by hand.
std::vector<store::Mark> marks_of(const Inquiry& inquiry, const Range& range,
                                  const std::vector<store::VersionOutcomes>& versions) {
  std::vector<store::Mark> marks = inquiry.session.insight->marks(range.from, range.to);
  std::erase_if(marks, [&](const store::Mark& mark) {
    const bool of_other = mark.kind == "pause" || mark.kind == "resume";
    return mark.kind == "version" || (of_other && mark.text != inquiry.name);
  });
  for (std::size_t i = 0; i + 1 < versions.size(); ++i)
    marks.push_back({versions[i].first, "version", versions[i].version + " of " + inquiry.name});
  std::sort(marks.begin(), marks.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  return marks;
}

/// The form, with what a refused one had.
void add_form(const Inquiry& inquiry, const std::string& schema, Model& model) {
  std::vector<PayloadField> fields = fields_of(schema);
  const bool given = fill(fields, inquiry.form);
  if (given) {
    const auto payload = payload_of(fields);
    const bool examines = inquiry.services != nullptr && inquiry.services->examine;
    if (payload && examines) {
      for (const auto& other : assign(fields, inquiry.services->examine(schema, *payload, true)))
        model.texts["form_problem"] =
            base::harmless((other.pointer.empty() ? "" : other.pointer + ": ") + other.text);
    }
  }
  model.view = view_of(fields);
}

}  // namespace

namespace {

constexpr std::size_t most_types = 200;  // on a page

/// What an operator looks at first: what waits for nothing, then what failed, waits, and ran.
bool weighs_more(const store::TypeOverview& one, const store::TypeOverview& other) {
  const auto weight = [](const store::TypeOverview& type) {
    const bool stands = type.pending.count > 0 && (!type.served || type.paused);
    return std::tuple(stands, type.last_hour.failed, type.pending.count, type.processing.count,
                      type.last_hour.done + type.last_hour.retrying, type.error.count);
  };
  return weight(one) > weight(other);
}

/// Those whose names contain the text, in capital or small letters.
void keep_named(std::vector<store::TypeOverview>& types, const std::string& text) {
  const auto is_same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  };
  std::erase_if(types, [&](const store::TypeOverview& type) {
    return std::search(type.type.begin(), type.type.end(), text.begin(), text.end(), is_same) ==
           type.type.end();
  });
}

std::string order_of(const Form& form) {
  std::string order = form.value("order");
  if (!order.empty() && order != "name" && order != "weight")
    throw Problem4xx(400, "unknown order '" + order + "'; known are name and weight");
  return order;
}

}  // namespace

/// In the order of their names if they fit onto a page, or if that was asked for; else the weightiest.
Model types_page(const Inquiry& inquiry) {
  auto types = inquiry.session.insight->types();
  const std::string order = order_of(inquiry.form);
  const std::string after = inquiry.form.value("after");
  const std::size_t all = types.size();
  keep_named(types, inquiry.form.value("name"));
  const std::size_t found = types.size();
  const bool by_name = order == "name" || (order.empty() && found <= most_types) || !after.empty();
  if (!by_name) std::stable_sort(types.begin(), types.end(), weighs_more);
  if (!after.empty()) std::erase_if(types, [&](const auto& type) { return type.type <= after; });
  const std::size_t rest = types.size() > most_types ? types.size() - most_types : 0;
  types.resize(types.size() - rest);
  Object object;
  JsonWriter& writer = object.writer();
  array_member(writer, "types", types, [&](const auto& type) { write(writer, type); });
  member(writer, "all", all);
  member(writer, "found", found);
  member(writer, "more_types", rest);
  member(writer, "order", std::string(by_name ? "name" : "weight"));
  Form next = inquiry.form;
  next.set("order", "name");
  if (by_name && rest > 0) {
    member(writer, "next", types.back().type);
    next.set("after", types.back().type);
  }
  return {object.text(),
          {{"in_name", inquiry.form.value("name")}, {"next_query", rest > 0 ? next.query() : ""}},
          {}};
}

Model type_page(const Inquiry& inquiry) {
  const auto types = inquiry.session.insight->types();
  const auto found =
      std::find_if(types.begin(), types.end(), [&](const auto& one) { return one.type == inquiry.name; });
  if (found == types.end()) throw Problem4xx(404, "there is no job type '" + inquiry.name + "'");
  Object object;
  JsonWriter& writer = object.writer();
  const Range range = range_of(inquiry.form, "6h");
  write(writer, *found);
  const auto series = inquiry.session.insight->series(range.from, range.to, range.step, inquiry.name);
  object_member(writer, "series", [&] { write(writer, series); });
  const auto versions = inquiry.session.insight->versions(range.from, range.to, inquiry.name);
  array_member(writer, "all_versions", versions, [&](const auto& one) { write(writer, one); });
  const auto marks = marks_of(inquiry, range, versions);
  array_member(writer, "marks", marks, [&](const auto& mark) { write(writer, mark); });
  const std::string schema = inquiry.session.insight->schema(inquiry.name);
  if (base::is_json(schema)) raw_member(writer, "payload_schema", schema);
  Model model{object.text(),
              {{"chart", chart_of(series, marks)},
               {"spark", sparkline(series)},
               {"mark_lines", mark_lines(series, marks)},
               {"type_code", encoded(inquiry.name)}},
              {}};
  add_form(inquiry, schema, model);
  return model;
}

}  // namespace sluice::dashboard
