// Pages Types and Type, and the form for a test job.
#include <algorithm>

#include "base/harmless.hpp"
#include "base/text.hpp"
#include "dashboard/page_parts.hpp"
#include "dashboard/payload_form.hpp"

namespace sluice::dashboard {

using base::array_member;
using base::member;
using base::object_member;
using base::raw_member;

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

Model types_page(const Inquiry& inquiry) {
  Object object;
  array_member(object.writer(), "types", inquiry.session.insight->types(),
               [&](const auto& type) { write(object.writer(), type); });
  return {object.text(), {}, {}};
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
