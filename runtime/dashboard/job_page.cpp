// Page Job, and the file with which a job can be run again elsewhere.
#include "base/pretty_json.hpp"
#include "dashboard/marked_json.hpp"
#include "dashboard/page_parts.hpp"
#include "dashboard/redaction.hpp"

namespace sluice::dashboard {

namespace {

constexpr std::size_t longest_shown = 256 * 1024;  // of a payload, on the page; the API answers all of it

std::string shown_json(const std::string& json) {
  const base::Cut cut = base::pretty_json(json, longest_shown);
  return cut.text + (cut.cut ? "…" : "");
}

/// What the type's schema finds. A text of the payload may be quoted unless values of it are hidden.
std::vector<PayloadProblem> problems_of(const Inquiry& inquiry, const store::JobDetails& details,
                                        const std::string& schema, const std::vector<std::string>& pointers) {
  auto problems = inquiry.services->examine(schema, details.payload, pointers.empty());
  for (PayloadProblem& problem : problems) {
    if (is_hidden(path_of(problem.pointer.empty() ? "/" : problem.pointer), pointers))
      problem.text = "the value, which is redacted, is not what the schema expects";
  }
  return problems;
}

void write_parts(JsonWriter& writer, const std::vector<MarkedPart>& parts) {
  array_member(writer, "payload_parts", parts, [&](const MarkedPart& one) {
    member(writer, "text", one.text);
    member(writer, "problem", one.problem);
  });
}

/// The payload with its problems, if the schema is known.
void write_problems(const Inquiry& inquiry, const store::JobDetails& details, const std::string& shown,
                    const std::vector<std::string>& pointers, JsonWriter& writer, Model& model) {
  std::vector<PayloadProblem> problems;
  const std::string schema = inquiry.session.insight->schema(details.job.type);
  const bool checks = !schema.empty() && inquiry.services != nullptr && inquiry.services->examine;
  member(writer, "payload_checked", checks);
  if (checks) problems = problems_of(inquiry, details, schema, pointers);
  array_member(writer, "payload_problems", problems, [&](const PayloadProblem& problem) {
    member(writer, "pointer", problem.pointer);
    member(writer, "problem", problem.text);
  });
  if (problems.empty()) return;
  Object view;
  write_parts(view.writer(), marked(shown, problems, longest_shown));
  model.view = view.text();
}

}  // namespace

Model job_page(const Inquiry& inquiry) {
  const auto details = inquiry.session.jobs->show(inquiry.name);
  if (!details) throw Problem4xx(404, "there is no job '" + inquiry.name + "'");
  Object object;
  JsonWriter& writer = object.writer();
  Model model;
  Shown shown;
  std::string payload;
  std::string output;
  const auto pointers = inquiry.redacts(details->job.type);
  if (sees_payload(inquiry)) {
    payload = redacted(details->payload, pointers);
    shown.payload = &payload;
    model.texts["payload_text"] = shown_json(payload);
    if (details->output) {
      output = redacted(*details->output, pointers);
      shown.output = &output;
      model.texts["output_text"] = shown_json(output);
    }
  }
  write(writer, *details, shown);
  if (sees_payload(inquiry)) write_problems(inquiry, *details, payload, pointers, writer, model);
  const auto standing = details->state.standing;
  using store::Standing;
  member(writer, "can_retry",
         standing == Standing::planned || standing == Standing::failed || standing == Standing::stuck);
  member(writer, "can_cancel",
         standing == Standing::pending || standing == Standing::planned || standing == Standing::running ||
             standing == Standing::stuck);
  model.json = object.text();
  model.texts["id_code"] = encoded(inquiry.name);
  model.texts["type_code"] = encoded(details->job.type);
  if (inquiry.services != nullptr && inquiry.services->repro) model.texts["takes_home"] = "yes";
  return model;
}

}  // namespace sluice::dashboard
