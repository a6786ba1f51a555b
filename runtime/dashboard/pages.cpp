#include "dashboard/pages.hpp"

#include <rapidjson/pointer.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <span>

#include "base/text.hpp"
#include "base/threads.hpp"
#include "dashboard/models.hpp"
#include "dashboard/redaction.hpp"
#include "dashboard/verdict.hpp"
#include "dashboard/why.hpp"

namespace sluice::dashboard {

using base::array_member;
using base::member;
using base::object_member;
using base::raw_member;

namespace {

constexpr std::size_t page_size = 50;
constexpr std::size_t most_page = 200;
constexpr std::size_t longest_shown = 256 * 1024;  // of a payload, on the page; the API answers all of it

/// An object under construction.
class Object {
 public:
  Object() : writer_(buffer_) { writer_.StartObject(); }
  JsonWriter& writer() { return writer_; }
  std::string text() {
    writer_.EndObject();
    return {buffer_.GetString(), buffer_.GetSize()};
  }

 private:
  rapidjson::StringBuffer buffer_;
  JsonWriter writer_;
};

/// A part of a page: what `ask` answers, written by `write` as members of `writer`. If the database refuses
/// it or takes too long, the member "KEY_problem" says so, and the rest of the page stands.
template <class Ask, class Write>
void part(JsonWriter& writer, const std::string& key, Ask ask, Write write) {
  const std::string problem = key + "_problem";
  try {
    const auto answer = ask();
    write(answer);
  } catch (const store::TimedOut& late) {
    member(writer, problem.c_str(), late.what());
  } catch (const store::Refused& refused) {
    member(writer, problem.c_str(), refused.what());
  }
}

store::Time now() {
  return std::chrono::time_point_cast<std::chrono::microseconds>(base::WallClock::now());
}

struct Range {
  store::Time from;
  store::Time to;
  std::chrono::seconds step;
};

/// The time that a page shows: "range" is 1h, 6h, 1d, 7d or 30d; or "from" and "to".
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
    throw Problem4xx(400, "unknown range '" + given + "'; known are 1h, 6h, 1d, 7d and 30d");
  const store::Time to = form.value("to").empty() ? now() : parse_time(form.value("to"));
  return {to - found->second.first, to, found->second.second};
}

/// The outcomes of each step as the points of a polyline, 100 by 24.
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

/// JSON that may stand in a script element.
std::string in_script(std::string json) {
  for (auto at = json.find('<'); at != std::string::npos; at = json.find('<', at))
    json.replace(at, 1, "\\u003c");
  return json;
}

template <class Value>
std::string json_of(const Value& value) {
  Object object;
  write(object.writer(), value);
  return object.text();
}

/// What the chart of a series draws.
std::string chart_of(const store::Series& series) {
  return in_script(json_of(series));
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

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t\r");
  return begin == std::string::npos ? std::string()
                                    : text.substr(begin, text.find_last_not_of(" \t\r") + 1 - begin);
}

/// "path = value"
store::PayloadValue payload_value(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || trimmed(text.substr(0, equals)).empty())
    throw Problem4xx(400, "'" + text + "' is no condition; write it as user.id = 42");
  std::string value = trimmed(text.substr(equals + 1));
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
    value = value.substr(1, value.size() - 2);
  return {path_of(trimmed(text.substr(0, equals))), value};
}

int number_of(const std::string& name, const std::string& text, int least, int most) {
  int number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size() || number < least || number > most)
    throw Problem4xx(400, name + " must be a whole number from " + std::to_string(least) + " to " +
                              std::to_string(most) + ", found '" + text + "'");
  return number;
}

void write_problems(JsonWriter& writer, const Verdict& verdict) {
  object_member(writer, "verdict", [&] {
    member(writer, "well", verdict.well);
    member(writer, "text", verdict.text);
    if (!verdict.well) member(writer, "type", verdict.problems.front().type);
    const std::size_t first = verdict.well ? 0 : 1;
    array_member(writer, "others", std::span(verdict.problems).subspan(first), [&](const Problem& problem) {
      member(writer, "text", problem.text);
      member(writer, "type", problem.type);
    });
  });
}

/// Whether the visitor may see what is in the job.
bool sees_payload(const Inquiry& inquiry) {
  return inquiry.visitor.payloads;
}

void require_payloads(const Inquiry& inquiry, const std::string& what) {
  if (!sees_payload(inquiry))
    throw Problem4xx(403,
                     what + " needs the right to see payloads, which " + inquiry.visitor.name + " lacks");
}

bool is_hidden(const std::vector<std::string>& path, const std::vector<std::string>& pointers) {
  return std::any_of(pointers.begin(), pointers.end(), [&](const std::string& pointer) {
    const auto hidden = path_of(pointer);
    const auto common = std::min(hidden.size(), path.size());
    return std::equal(hidden.begin(), hidden.begin() + static_cast<std::ptrdiff_t>(common), path.begin());
  });
}

/// A search for a redacted value would tell it, one guess at a time.
void refuse_guesses(const Inquiry& inquiry, const store::JobQuery& query) {
  for (const std::string& type : query.types.empty() ? std::vector<std::string>{""} : query.types) {
    const auto pointers = inquiry.redacts(type);
    if (!query.text.empty() && !pointers.empty())
      throw Problem4xx(
          403,
          "payloads have redacted values, so nobody can search their text; search by a path and its value");
    for (const auto& [path, value] : query.payload) {
      if (is_hidden(path, pointers))
        throw Problem4xx(403, "this value is redacted, so nobody can search for it");
    }
  }
}

void write_columns(JsonWriter& writer, const store::JobRow& row,
                   const std::vector<std::vector<std::string>>& paths,
                   const std::vector<std::string>& pointers) {
  writer.Key("columns");
  writer.StartArray();
  for (std::size_t i = 0; i < row.columns.size(); ++i) {
    const std::string shown = is_hidden(paths[i], pointers) ? "[redacted]" : row.columns[i].value_or("");
    writer.String(shown.c_str(), static_cast<rapidjson::SizeType>(shown.size()));
  }
  writer.EndArray();
}

}  // namespace

store::Time parse_time(const std::string& text) {
  std::tm parts{};
  int milliseconds = 0;
  const int count = std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%3d", &parts.tm_year, &parts.tm_mon,
                                &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &milliseconds);
  if (count < 5) throw Problem4xx(400, "'" + text + "' is no time; write it in UTC, as 2026-01-31T12:00");
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  return store::Time(std::chrono::seconds(timegm(&parts)) + std::chrono::milliseconds(milliseconds));
}

store::JobQuery query_of(const Form& form) {
  store::JobQuery query;
  query.statuses = form.values("status");
  query.types = form.values("type");
  if (const auto from = form.value("from"); !from.empty()) query.created_from = parse_time(from);
  if (const auto before = form.value("before"); !before.empty()) query.created_before = parse_time(before);
  if (const auto attempts = form.value("attempts"); !attempts.empty())
    query.attempts_from = number_of("attempts", attempts, 0, 1'000'000);
  query.code = form.value("code");
  query.plugin_version = form.value("version");
  for (const std::string& where : form.values("where")) query.payload.push_back(payload_value(where));
  query.text = form.value("text");
  return query;
}

store::JobFilter filter_of(const Form& form) {
  for (const char* const name : {"attempts", "version", "where", "text"}) {
    if (!form.value(name).empty())
      throw Problem4xx(400, std::string("a change of many jobs can't be restricted by '") + name +
                                "'; restrict it by status, type, time or code, or select jobs on the page");
  }
  const store::JobQuery query = query_of(form);
  store::JobFilter filter;
  filter.statuses = query.statuses;
  filter.types = query.types;
  filter.code = query.code;
  const auto before = [](store::Time time) {
    return std::chrono::duration_cast<job::Microseconds>(std::max(now() - time, store::Time::duration(0)));
  };
  if (query.created_from) filter.since = before(*query.created_from);
  if (query.created_before) filter.older_than = before(*query.created_before);
  return filter;
}

Model now_page(const Inquiry& inquiry) {
  Object object;
  JsonWriter& writer = object.writer();
  Model model;
  Situation situation;
  const Range range = range_of(inquiry.form, "1h");
  store::Series series;
  member(writer, "at", iso(now()));
  part(
      writer, "series",
      [&] { return inquiry.session.insight->series(range.from, range.to, range.step, std::nullopt); },
      [&](const store::Series& answer) {
        series = answer;
        object_member(writer, "series", [&] { write(writer, answer); });
      });
  part(
      writer, "types", [&] { return inquiry.session.insight->types(); },
      [&](const auto& types) { situation.types = types; });
  part(
      writer, "runtimes", [&] { return inquiry.session.desk->report(false); },
      [&](const store::Report& report) {
        situation.runtimes = report.runtimes;
        situation.stuck = report.stuck;
        member(writer, "runtimes", report.runtimes.size());
        array_member(writer, "rates", report.last_minute, [&](const store::Throughput& rate) {
          member(writer, "type", rate.type);
          member(writer, "done", rate.done);
          member(writer, "failed", rate.failed);
          member(writer, "retrying", rate.retrying);
          situation.done_per_second += rate.done / 60;
        });
      });
  part(
      writer, "created", [&] { return inquiry.session.desk->aggregate(std::chrono::seconds(60)); },
      [&](const store::Aggregate& aggregate) {
        object_member(writer, "created_last_minute", [&] {
          member(writer, "count", aggregate.created);
          member(writer, "more", aggregate.more);
        });
      });
  part(
      writer, "failures", [&] { return inquiry.session.insight->failures(range.from, range.to); },
      [&](store::Failures failures) {
        if (failures.groups.size() > 5) failures.groups.resize(5);
        array_member(writer, "failures", failures.groups, [&](const auto& group) { write(writer, group); });
      });
  part(
      writer, "database", [&] { return inquiry.session.insight->database(); },
      [&](const store::DatabaseState& state) {
        object_member(writer, "database", [&] { write(writer, state); });
      });
  store::Counted pending;
  double oldest = 0;
  for (const auto& type : situation.types) {
    pending.count += type.pending.count;
    pending.more = pending.more || type.pending.more;
    oldest = std::max(oldest, type.oldest_pending.value_or(0));
  }
  member(writer, "done_per_second", situation.done_per_second);
  member(writer, "pending", pending);
  member(writer, "oldest_pending_seconds", oldest);
  if (situation.done_per_second > 0 && pending.count > 0)
    member(writer, "time_to_drain_seconds", static_cast<double>(pending.count) / situation.done_per_second);
  write_problems(writer, verdict(situation));
  model.json = object.text();
  model.texts = {{"spark", sparkline(series)}, {"chart", chart_of(series)}};
  return model;
}

Model types_page(const Inquiry& inquiry) {
  Object object;
  array_member(object.writer(), "types", inquiry.session.insight->types(),
               [&](const auto& type) { write(object.writer(), type); });
  return {object.text(), {}};
}

Model type_page(const Inquiry& inquiry) {
  const auto types = inquiry.session.insight->types();
  const auto found =
      std::find_if(types.begin(), types.end(), [&](const auto& one) { return one.type == inquiry.name; });
  if (found == types.end()) throw Problem4xx(404, "there is no job type '" + inquiry.name + "'");
  Object object;
  const Range range = range_of(inquiry.form, "6h");
  write(object.writer(), *found);
  const auto series = inquiry.session.insight->series(range.from, range.to, range.step, inquiry.name);
  object_member(object.writer(), "series", [&] { write(object.writer(), series); });
  return {object.text(), {{"chart", chart_of(series)}, {"type_code", encoded(inquiry.name)}}};
}

Model jobs_page(const Inquiry& inquiry) {
  const Form& form = inquiry.form;
  const store::JobQuery query = query_of(form);
  std::vector<std::vector<std::string>> columns;
  for (const std::string& column : form.values("column")) columns.push_back(path_of(column));
  if (!columns.empty() || !query.payload.empty() || !query.text.empty())
    require_payloads(inquiry, "a search or a column of payloads");
  refuse_guesses(inquiry, query);
  std::optional<store::JobKey> after;
  if (!form.value("after_id").empty()) after = store::JobKey{form.value("after_at"), form.value("after_id")};
  const std::string limit = form.value("limit");
  const int size = limit.empty() ? static_cast<int>(page_size) : number_of("limit", limit, 1, most_page);
  const auto order = form.value("order") == "oldest" ? store::Order::oldest : store::Order::newest;
  const auto page =
      inquiry.session.insight->jobs(query, order, after, static_cast<std::size_t>(size), columns);
  Object object;
  JsonWriter& writer = object.writer();
  array_member(writer, "jobs", page.jobs, [&](const store::JobRow& row) {
    write(writer, row.job);
    if (!columns.empty()) write_columns(writer, row, columns, inquiry.redacts(row.job.type));
  });
  member(writer, "column_names", form.values("column"));
  if (page.horizon) member(writer, "searched_to", *page.horizon);
  if (page.next) {
    object_member(writer, "next", [&] {
      member(writer, "after_at", page.next->created_at);
      member(writer, "after_id", page.next->id);
    });
  }
  part(
      writer, "matches", [&] { return inquiry.session.insight->count(query); },
      [&](const store::JobCount& count) {
        store::Counted counted = count.counted;
        counted.more = counted.more || count.horizon.has_value();
        member(writer, "matches", counted);
      });
  Model model{object.text(), {}};
  Form here = form;
  here.erase("after_at");
  here.erase("after_id");
  model.texts["query"] = here.query();
  if (page.next) {
    here.set("after_at", page.next->created_at);
    here.set("after_id", page.next->id);
    model.texts["next_query"] = here.query();
  }
  for (const char* const name : {"from", "before", "attempts", "code", "version", "text", "order"})
    model.texts[std::string("in_") + name] = form.value(name);
  const auto words = [](const std::vector<std::string>& values) {
    std::string text;
    for (const std::string& one : values) text += (text.empty() ? "" : " ") + one;
    return text;
  };
  model.texts["in_type"] = words(form.values("type"));
  model.texts["in_status"] = words(form.values("status"));
  model.texts["in_where"] = words(form.values("where"));
  model.texts["in_column"] = words(form.values("column"));
  return model;
}

Model job_page(const Inquiry& inquiry) {
  const auto details = inquiry.session.jobs->show(inquiry.name);
  if (!details) throw Problem4xx(404, "there is no job '" + inquiry.name + "'");
  Object object;
  Model model;
  Shown shown;
  std::string payload;
  std::string output;
  if (sees_payload(inquiry)) {
    const auto pointers = inquiry.redacts(details->job.type);
    payload = redacted(details->payload, pointers);
    shown.payload = &payload;
    model.texts["payload_text"] = base::shortened(pretty(payload), longest_shown);
    if (details->output) {
      output = redacted(*details->output, pointers);
      shown.output = &output;
      model.texts["output_text"] = base::shortened(pretty(output), longest_shown);
    }
  }
  write(object.writer(), *details, shown);
  const auto standing = details->state.standing;
  using store::Standing;
  member(object.writer(), "can_retry",
         standing == Standing::planned || standing == Standing::failed || standing == Standing::stuck);
  member(object.writer(), "can_cancel",
         standing == Standing::pending || standing == Standing::planned || standing == Standing::running ||
             standing == Standing::stuck);
  model.json = object.text();
  model.texts["id_code"] = encoded(inquiry.name);
  model.texts["type_code"] = encoded(details->job.type);
  return model;
}

Model failures_page(const Inquiry& inquiry) {
  const Range range = range_of(inquiry.form, "1d");
  const auto failures = inquiry.session.insight->failures(range.from, range.to);
  Object object;
  JsonWriter& writer = object.writer();
  member(writer, "from", iso(range.from));
  member(writer, "to", iso(range.to));
  member(writer, "attempts", failures.attempts);
  if (failures.horizon) member(writer, "read_to", *failures.horizon);
  array_member(writer, "groups", failures.groups, [&](const auto& group) { write(writer, group); });
  return {object.text(), {}};
}

Model plugins_page(const Inquiry& inquiry) {
  Object object;
  array_member(object.writer(), "runtimes", inquiry.session.desk->report(false).runtimes,
               [&](const auto& runtime) { write(object.writer(), runtime); });
  return {object.text(), {}};
}

Model runtimes_page(const Inquiry& inquiry) {
  Object object;
  JsonWriter& writer = object.writer();
  const auto report = inquiry.session.desk->report(false);
  array_member(writer, "runtimes", report.runtimes, [&](const auto& runtime) { write(writer, runtime); });
  array_member(writer, "running", report.running, [&](const store::RunningReport& running) {
    member(writer, "id", running.job.id);
    member(writer, "type", running.job.type);
    member(writer, "attempt", running.job.attempt);
    member(writer, "runtime", running.runtime);
    member(writer, "running_seconds", running.job.age);
    if (running.job.fraction) member(writer, "progress_part", *running.job.fraction);
    member(writer, "note", running.job.note);
  });
  member(writer, "stuck", report.stuck);
  return {object.text(), {}};
}

Model audit_page(const Inquiry& inquiry) {
  std::optional<std::int64_t> after;
  if (const auto text = inquiry.form.value("after"); !text.empty())
    after = number_of("after", text, 0, 2'000'000'000);
  const auto page = inquiry.session.insight->audit(after, page_size);
  Object object;
  array_member(object.writer(), "entries", page.entries,
               [&](const auto& entry) { write(object.writer(), entry); });
  if (page.next) member(object.writer(), "next", *page.next);
  return {object.text(), {}};
}

namespace {

void write_operation(JsonWriter& writer, const OperationState& state) {
  member(writer, "id", state.id);
  member(writer, "action", std::string(state.change == Change::retry ? "retry" : "delete"));
  member(writer, "actor", state.actor);
  member(writer, "filter", state.filter);
  member(writer, "changed", state.changed);
  member(writer, "over", state.over);
  member(writer, "stopped", state.stopped);
  member(writer, "error", state.error);
}

}  // namespace

Model operations_page(const Inquiry& inquiry) {
  Object object;
  array_member(object.writer(), "operations", inquiry.operations.all(),
               [&](const auto& state) { write_operation(object.writer(), state); });
  return {object.text(), {}};
}

Model operation_page(const Inquiry& inquiry) {
  const auto state = inquiry.operations.state(number_of("the operation", inquiry.name, 1, 2'000'000'000));
  if (!state) throw Problem4xx(404, "there is no operation " + inquiry.name + " since the server started");
  Object object;
  write_operation(object.writer(), *state);
  return {object.text(), {}};
}

Model plan_page(const Inquiry& inquiry) {
  const std::string action = inquiry.form.value("action");
  if (action != "retry" && action != "delete")
    throw Problem4xx(400, "unknown action '" + action + "'; known are retry and delete");
  const store::JobFilter filter = filter_of(inquiry.form);
  if (filter.statuses.empty())
    throw Problem4xx(400, "choose a status first; a change of many jobs needs one");
  const auto allowed = action == "retry" ? std::vector<std::string>{"error", "scheduled"}
                                         : std::vector<std::string>{"error", "scheduled", "done", "pending"};
  for (const std::string& status : filter.statuses) {
    if (std::find(allowed.begin(), allowed.end(), status) == allowed.end())
      throw Problem4xx(400, "jobs in '" + status + "' can't be changed by " + action);
  }
  Object object;
  const auto count = inquiry.session.insight->count(query_of(inquiry.form));
  store::Counted counted = count.counted;
  counted.more = counted.more || count.horizon.has_value();
  member(object.writer(), "matches", counted);
  member(object.writer(), "action", action);
  Form form = inquiry.form;
  form.erase("action");
  return {object.text(), {{"query", form.query()}}};
}

Model why_page(const Inquiry& inquiry) {
  const std::string asked = trimmed(inquiry.form.value("q"));
  Object object;
  Model model;
  model.texts["asked"] = asked;
  if (!asked.empty()) {
    const Explanation explanation = explain(find_out(inquiry.session, asked));
    write(object.writer(), explanation);
    model.texts["id_code"] = encoded(explanation.job);
    model.texts["type_code"] = encoded(explanation.type);
  }
  model.json = object.text();
  return model;
}

}  // namespace sluice::dashboard
