#include "dashboard/assistant_tools.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "dashboard/models.hpp"
#include "dashboard/redaction.hpp"

namespace sluice::dashboard {

namespace {

constexpr int most_ids = 1000;

using Kind = Parameter::Kind;

Parameter range() {
  return {
      "range", "The time up to now that is looked at", Kind::text, false, {"1h", "6h", "1d", "7d", "30d"}};
}

Parameter ids() {
  return {"id", "Ids of jobs, at most " + std::to_string(most_ids), Kind::texts, true, {}, true};
}

std::vector<Parameter> of_jobs(bool payloads) {
  std::vector<Parameter> all{
      {"status",
       "Only jobs in one of these statuses",
       Kind::texts,
       false,
       {"pending", "processing", "scheduled", "error", "done"}},
      {"type", "Only jobs of these types", Kind::texts},
      {"from", "Only jobs created at this time or later, in UTC: 2026-01-31T12:00"},
      {"before", "Only jobs created before this time, in UTC"},
      {"attempts", "Only jobs with at least as many attempts", Kind::number},
      {"code", "Only jobs whose last attempt failed with this code"},
      {"version", "Only jobs that failed with this version of the plugin"},
      {"order",
       "The order by time of creation; newest first if it is absent",
       Kind::text,
       false,
       {"newest", "oldest"}},
      {"limit", "How many jobs, 1 to 200; 50 if it is absent", Kind::number},
      {"after_at", "From next of the previous answer, with after_id: the page after it"},
      {"after_id", "See after_at", Kind::text, false, {}, true},
  };
  if (payloads) {
    all.push_back({"where", "Only jobs whose payload has these values: user.id = 42", Kind::texts});
    all.push_back({"text", "Only jobs whose payload contains this text"});
    all.push_back({"column", "Paths into the payload, user.id, whose values to show", Kind::texts});
  }
  return all;
}

std::vector<Tool> all_tools(bool payloads) {
  return {
      {"now",
       "Now",
       "Whether all is well, and if not, why: rates, waiting jobs, failures, the database.",
       {range()}},
      {"types",
       "Job types",
       "Each job type: how many jobs wait, run and failed, what serves it, the last hour.",
       {}},
      {"type",
       "One job type",
       "One job type with its outcomes in the course of time.",
       {{"type", "The job type", Kind::text, true}, range()}},
      {"jobs", "Jobs", "Jobs that match, a page at a time.", of_jobs(payloads)},
      {"job",
       "One job",
       payloads ? "One job with its payload, output, attempts, and what comes next."
                : "One job with its attempts, and what comes next. Its payload is not shown.",
       {{"id", "The job's id", Kind::text, true}}},
      {"failures", "Failures", "Failed attempts, grouped by what they have in common.", {range()}},
      {"plugins", "Plugins", "Each runtime's plugins: version, state, and why one is refused or broken.", {}},
      {"runtimes", "Runtimes", "The runtimes, and the jobs that have run for over a second.", {}},
      {"why",
       "Why?",
       "Checks why a job, or the jobs of a type, did not run, with the command to run next.",
       {{"q", "A job's id, or a job type", Kind::text, true}}},
      {"retry",
       "Retry jobs",
       "Makes failed, scheduled and stuck jobs pending. A running job is left alone.",
       {ids()},
       Role::operate},
      {"cancel",
       "Cancel jobs",
       "Ends waiting jobs as errors, and asks running ones to stop.",
       {ids()},
       Role::operate},
      {"delete",
       "Delete jobs",
       "Deletes jobs with all that is recorded about them. This can't be undone.",
       {ids()},
       Role::admin},
  };
}

std::vector<Tool> tools_for(const Visitor& visitor) {
  std::vector<Tool> tools = all_tools(visitor.payloads);
  std::erase_if(tools, [&](const Tool& tool) { return visitor.role < tool.least; });
  return tools;
}

using Page = Model (*)(const Inquiry&);

Page page_of(const std::string& tool) {
  static const std::map<std::string, Page> pages{
      {"now", now_page},         {"types", types_page},       {"type", type_page},
      {"jobs", jobs_page},       {"job", job_page},           {"failures", failures_page},
      {"plugins", plugins_page}, {"runtimes", runtimes_page}, {"why", why_page},
  };
  return pages.at(tool);
}

void check_value(const Parameter& parameter, const std::vector<std::string>& values) {
  if (parameter.kind != Kind::texts && values.size() != 1)
    throw Problem4xx(400, "'" + parameter.name + "' takes one value, found " + std::to_string(values.size()));
  const auto& choices = parameter.choices;
  for (const std::string& value : values) {
    if (base::valid_utf8(value) != value) throw Problem4xx(400, "'" + parameter.name + "' has a NUL");
    if (value.empty() && !parameter.empty)
      throw Problem4xx(400, "'" + parameter.name + "' is empty; leave it out, or give it a value");
    if (!choices.empty() && std::find(choices.begin(), choices.end(), value) == choices.end())
      throw Problem4xx(400, "'" + parameter.name + "' can't be '" + value + "'; see the tool's inputSchema");
  }
}

void check(const Tool& tool, const Arguments& arguments) {
  for (const auto& argument : arguments) {
    const auto& [name, values] = argument;
    const auto found = std::find_if(tool.parameters.begin(), tool.parameters.end(),
                                    [&](const auto& one) { return one.name == argument.first; });
    if (found == tool.parameters.end())
      throw Problem4xx(400, "tool " + tool.name + " has no parameter '" + name + "'; see its inputSchema");
    check_value(*found, values);
  }
  for (const Parameter& parameter : tool.parameters) {
    const auto found = arguments.find(parameter.name);
    if (parameter.required && (found == arguments.end() || found->second.empty()))
      throw Problem4xx(400, "tool " + tool.name + " needs '" + parameter.name + "'");
  }
}

std::string query_of(const Arguments& arguments) {
  std::string query;
  for (const auto& [name, values] : arguments) {
    for (const std::string& value : values) query += "&" + encoded(name) + "=" + encoded(value);
  }
  return query;
}

/// The id or type that the page has in its path.
std::string name_in(const Tool& tool, const Arguments& arguments) {
  const bool named = tool.name == "job" || tool.name == "type";
  return named ? arguments.at(tool.name == "job" ? "id" : "type").front() : "";
}

std::string text_of(const std::vector<store::Changed>& changed) {
  rapidjson::StringBuffer buffer;
  base::JsonWriter writer(buffer);
  writer.StartObject();
  array_member(writer, "jobs", changed, [&](const store::Changed& one) {
    member(writer, "id", one.id);
    member(writer, "changed", one.changed);
    member(writer, "asked_to_stop", one.requested);
    member(writer, one.changed ? "status_before" : "status", one.state.status);
  });
  writer.EndObject();
  return buffer.GetString();
}

void write_type(base::JsonWriter& writer, const Parameter& parameter) {
  member(writer, "type", std::string(parameter.kind == Kind::number ? "integer" : "string"));
  if (!parameter.choices.empty()) member(writer, "enum", parameter.choices);
}

void write_parameter(base::JsonWriter& writer, const Parameter& parameter) {
  member(writer, "description", parameter.description);
  if (parameter.kind != Kind::texts) return write_type(writer, parameter);
  member(writer, "type", std::string("array"));
  object_member(writer, "items", [&] { write_type(writer, parameter); });
  if (parameter.required) member(writer, "minItems", 1);
}

}  // namespace

AssistantTools::AssistantTools(Sources sources, Rights rights)
    : sessions_(std::move(sources)), rights_(std::move(rights)), tools_(tools_for(rights_.visitor)) {}

std::string AssistantTools::call(const Tool& tool, const Arguments& arguments) {
  check(tool, arguments);
  return compact(tool.reads() ? show(tool, arguments) : change(tool, arguments.at("id")));
}

std::string AssistantTools::show(const Tool& tool, const Arguments& arguments) {
  const Form form(query_of(arguments));
  const auto session = sessions_.borrow();
  return page_of(tool.name)({*session.operator->(), operations_, rights_.visitor, form,
                             name_in(tool, arguments), rights_.redacts})
      .json;
}

std::string AssistantTools::change(const Tool& tool, const std::vector<std::string>& ids) {
  if (ids.size() > most_ids)
    throw Problem4xx(400, "found " + std::to_string(ids.size()) + " ids, at most " +
                              std::to_string(most_ids) + " are taken at once");
  const Visitor& visitor = rights_.visitor;
  const auto desk = sessions_.jobs({visitor.name, std::string(role_name(visitor.role)), "mcp"});
  if (tool.name == "retry") return text_of(desk->retry(ids));
  if (tool.name == "cancel") return text_of(desk->cancel(ids));
  return text_of(desk->remove(ids));
}

void write_schema(base::JsonWriter& writer, const std::vector<Parameter>& parameters) {
  member(writer, "type", std::string("object"));
  object_member(writer, "properties", [&] {
    for (const Parameter& one : parameters)
      object_member(writer, one.name.c_str(), [&] { write_parameter(writer, one); });
  });
  std::vector<std::string> required;
  for (const Parameter& one : parameters) {
    if (one.required) required.push_back(one.name);
  }
  if (!required.empty()) member(writer, "required", required);
  member(writer, "additionalProperties", false);
}

}  // namespace sluice::dashboard
