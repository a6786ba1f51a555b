#include "dashboard/pages.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <regex>
#include <span>

#include "base/text.hpp"
#include "dashboard/endpoints.hpp"
#include "dashboard/models.hpp"
#include "dashboard/page_parts.hpp"
#include "dashboard/verdict.hpp"
#include "dashboard/why.hpp"

namespace sluice::dashboard {

namespace {

constexpr std::size_t page_size = 50;
constexpr std::size_t most_page = 200;
constexpr std::size_t most_rates = 50;  // of page Now

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t\r");
  return begin == std::string::npos ? std::string()
                                    : text.substr(begin, text.find_last_not_of(" \t\r") + 1 - begin);
}

/// "path = value"
store::PayloadValue payload_value(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || trimmed(text.substr(0, equals)).empty())
    throw Problem4xx(400, "where can't be '" + text + "'; write a condition as user.id = 42", "where");
  std::string value = trimmed(text.substr(equals + 1));
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
    value = value.substr(1, value.size() - 2);
  return {asked_path("where", trimmed(text.substr(0, equals))), value};
}

int number_of(const std::string& name, const std::string& text, int least, int most) {
  int number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size() || number < least || number > most)
    throw Problem4xx(400,
                     name + " must be a whole number from " + std::to_string(least) + " to " +
                         std::to_string(most) + ", found '" + text + "'",
                     name);
  return number;
}

/// Where to look. Page Why? is linked by the type.
void write_place(JsonWriter& writer, const Problem& problem) {
  static const std::map<std::string, std::string> names{
      {"/failures", "Failures"}, {"/runtimes", "Runtimes"}, {"/jobs", "Jobs"}};
  member(writer, "type", problem.type);
  member(writer, "page", problem.page);
  const auto name = names.find(problem.page.substr(0, problem.page.find('?')));
  member(writer, "page_name", name == names.end() ? std::string() : name->second);
}

void write_problems(JsonWriter& writer, const Verdict& verdict) {
  object_member(writer, "verdict", [&] {
    member(writer, "well", verdict.well);
    member(writer, "text", verdict.text);
    if (!verdict.well) write_place(writer, verdict.problems.front());
    const std::size_t first = verdict.well ? 0 : 1;
    array_member(writer, "others", std::span(verdict.problems).subspan(first), [&](const Problem& problem) {
      member(writer, "text", problem.text);
      write_place(writer, problem);
    });
    member(writer, "more_others", verdict.more);
  });
}

void require_payloads(const Inquiry& inquiry, const std::string& what) {
  if (!sees_payload(inquiry))
    throw Problem4xx(403,
                     what + " needs the right to see payloads, which " + inquiry.visitor.name + " lacks");
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

/// All of them if the form wants that, which may take too long.
store::Counted counted(const Inquiry& inquiry, const store::JobQuery& query) {
  if (inquiry.form.value("exact") == "1") return {inquiry.session.insight->count_all(query), false};
  const store::JobCount count = inquiry.session.insight->count(query);
  return {count.counted.count, count.counted.more || count.horizon};
}

/// The first page says it if it is not full.
store::Counted matches_of(const Inquiry& inquiry, const store::JobQuery& query, const store::JobPage& page,
                          bool is_first) {
  const bool wants_all = inquiry.form.value("exact") == "1";
  if (is_first && !wants_all && (!page.next || page.horizon))
    return {static_cast<std::int64_t>(page.jobs.size()), page.horizon.has_value()};
  return counted(inquiry, query);
}

/// Where the page begins. An id may be empty.
std::optional<store::JobKey> key_of(const Form& form) {
  const bool has_id = form.has("after_id");
  if (!has_id && !form.has("after_at")) return std::nullopt;
  if (!has_id || !form.has("after_at"))
    throw Problem4xx(400, "after_at and after_id belong together; take both from 'next' of the page before",
                     has_id ? "after_at" : "after_id");
  static const std::regex time(
      R"(-?infinity|[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01]) ([01][0-9]|2[0-3])(:[0-5][0-9]){2}(\.[0-9]{1,6})?)");
  store::JobKey key{form.value("after_at"), form.value("after_id")};
  if (!std::regex_match(key.created_at, time))
    throw Problem4xx(400,
                     "after_at can't be '" + key.created_at + "'; take it from 'next' of the page before",
                     "after_at");
  return key;
}

/// What the form has, and an empty field for one more of each.
void write_chosen(JsonWriter& writer, const Form& form) {
  for (const char* const name : {"type", "where", "column"}) {
    std::vector<std::string> values = form.values(name);
    values.emplace_back();
    member(writer, (std::string("in_") + name).c_str(), values);
  }
  const auto chosen = form.values("status");
  const std::vector<std::string> statuses{"pending", "processing", "scheduled", "error", "done"};
  array_member(writer, "statuses", statuses, [&](const std::string& status) {
    member(writer, "status", status);
    member(writer, "chosen", std::find(chosen.begin(), chosen.end(), status) != chosen.end());
  });
}

/// The form with its values, and the queries of links.
void add_form(const Form& form, Model& model) {
  Form here = form;
  for (const char* const name : {"after_at", "after_id", "exact"}) here.erase(name);
  model.texts["query"] = here.query();
  for (const char* const name : {"order", "limit", "column"}) here.erase(name);
  model.texts["plan_query"] = here.query();
  for (const char* const name : {"from", "before", "attempts", "code", "version", "text", "order"})
    model.texts[std::string("in_") + name] = form.value(name);
  if (form.value("order") == "oldest") model.texts["is_oldest"] = "yes";
  Object view;
  write_chosen(view.writer(), form);
  model.view = view.text();
}

std::string with_exact(const std::string& query) {
  return query + (query.empty() ? "?" : "&") + "exact=1";
}

std::string followed(const std::string& query, const store::JobKey& next) {
  return query + (query.empty() ? "?" : "&") + "after_at=" + encoded(next.created_at) +
         "&after_id=" + encoded(next.id);
}

/// The operations over many jobs.
const std::map<std::string, Change>& changes() {
  static const std::map<std::string, Change> known{
      {"retry", Change::retry}, {"delete", Change::remove}, {"give_up", Change::give_up}};
  return known;
}

void require_statuses(const std::string& action, const std::vector<std::string>& statuses) {
  if (statuses.empty()) throw Problem4xx(400, "choose a status first; a change of many jobs needs one");
  const auto allowed = action == "retry" ? std::vector<std::string>{"error", "scheduled"}
                       : action == "give_up"
                           ? std::vector<std::string>{"error"}
                           : std::vector<std::string>{"error", "scheduled", "done", "pending"};
  for (const std::string& status : statuses) {
    if (std::find(allowed.begin(), allowed.end(), status) == allowed.end())
      throw Problem4xx(400, "jobs in '" + status + "' can't be changed by " + action, "status");
  }
}

}  // namespace

Change change_of(const std::string& action, const store::JobFilter& filter) {
  const auto found = changes().find(action);
  if (found == changes().end())
    throw Problem4xx(400, "unknown action '" + action + "'; known are retry, delete and give_up", "action");
  require_statuses(action, filter.statuses);
  if (found->second == Change::give_up && !filter.alike)
    throw Problem4xx(400, "only a group of failures can be given up; cancel other jobs on page Jobs");
  if (filter.alike && filter.types.size() != 1) throw Problem4xx(400, "a group of failures has one type");
  return found->second;
}

std::string name_of(Change change) {
  for (const auto& [name, known] : changes()) {
    if (known == change) return name;
  }
  return "";
}

store::Time parse_time(const std::string& parameter, const std::string& text) {
  static const std::regex form(
      R"(([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,3}))?)?Z?)");
  std::smatch parts;
  const auto number = [&](std::size_t part) {
    return parts[part].matched ? std::stoi(parts[part].str()) : 0;
  };
  const auto wrong = [&](const char* why) {
    return Problem4xx(400, parameter + " can't be '" + text + "': " + why, parameter);
  };
  if (!std::regex_match(text, parts, form))
    throw wrong("a time is written in UTC, as 2026-01-31T12:00 or 2026-01-31T12:00:00.000Z");
  const std::chrono::year_month_day day{std::chrono::year(number(1)),
                                        std::chrono::month(static_cast<unsigned>(number(2))),
                                        std::chrono::day(static_cast<unsigned>(number(3)))};
  if (!day.ok() || number(4) > 23 || number(5) > 59 || number(6) > 59 || number(1) < 1970)
    throw wrong("there is no such time since 1970");
  std::string fraction = parts[7].str();
  fraction.resize(3, '0');
  return store::Time(std::chrono::sys_days(day) + std::chrono::hours(number(4)) +
                     std::chrono::minutes(number(5)) + std::chrono::seconds(number(6)) +
                     std::chrono::milliseconds(std::stoi(fraction)));
}

store::JobQuery query_of(const Form& form) {
  store::JobQuery query;
  query.statuses = form.values("status");
  query.types = form.values("type");
  if (const auto from = form.value("from"); !from.empty()) query.created_from = parse_time("from", from);
  if (const auto before = form.value("before"); !before.empty())
    query.created_before = parse_time("before", before);
  if (const auto attempts = form.value("attempts"); !attempts.empty())
    query.attempts_from = number_of("attempts", attempts, 0, 1'000'000);
  query.code = form.value("code");
  query.plugin_version = form.value("version");
  for (const std::string& where : form.values("where")) query.payload.push_back(payload_value(where));
  query.text = form.value("text");
  return query;
}

store::JobFilter filter_of(const Form& form) {
  check_filter(form, false);
  const store::JobQuery query = query_of(form);
  store::JobFilter filter;
  filter.statuses = query.statuses;
  filter.types = query.types;
  filter.code = query.code;
  if (form.value("group") == "1") {
    filter.alike = store::FailureLikeness{form.value("message"), form.value("frame")};
  } else if (form.has("message") || form.has("frame")) {
    throw Problem4xx(400, "message and frame name a group of failures, and need group=1", "group");
  }
  filter.created_from = query.created_from;
  filter.created_before = query.created_before;
  return filter;
}

namespace {

/// The rates of the types that ended most.
void write_rates(JsonWriter& writer, std::vector<store::Throughput> rates, double& done_per_second) {
  for (const auto& rate : rates) done_per_second += rate.done / 60;
  std::stable_sort(rates.begin(), rates.end(), [](const auto& one, const auto& other) {
    return one.done + one.failed + one.retrying > other.done + other.failed + other.retrying;
  });
  const std::size_t shown = std::min(rates.size(), most_rates);
  array_member(writer, "rates", std::span(rates).first(shown), [&](const store::Throughput& rate) {
    member(writer, "type", rate.type);
    member(writer, "done", rate.done);
    member(writer, "failed", rate.failed);
    member(writer, "retrying", rate.retrying);
  });
  member(writer, "more_rates", rates.size() - shown);
}

void write_waiting(JsonWriter& writer, const Situation& situation) {
  if (!situation.knows_types) return;
  store::Counted pending;
  double oldest = 0;
  for (const auto& type : situation.types) {
    pending.count += type.pending.count;
    pending.more = pending.more || type.pending.more;
    oldest = std::max(oldest, type.oldest_pending.value_or(0));
  }
  member(writer, "pending", pending);
  member(writer, "oldest_pending_seconds", oldest);
  if (situation.done_per_second > 0 && pending.count > 0)
    member(writer, "time_to_drain_seconds", static_cast<double>(pending.count) / situation.done_per_second);
}

void find_failures(const Inquiry& inquiry, const Range& range, JsonWriter& writer, Situation& situation) {
  part(
      writer, "failures", [&] { return inquiry.session.insight->failures(range.from, range.to); },
      [&](const store::Failures& failures) {
        situation.failures = failures.groups;
        const auto shown = std::span(failures.groups).first(std::min<std::size_t>(failures.groups.size(), 5));
        array_member(writer, "failures", shown, [&](const auto& group) { write(writer, group); });
      });
}

/// What the verdict is made of, and the parts of the page that show it.
Situation find_situation(const Inquiry& inquiry, const Range& range, JsonWriter& writer) {
  Situation situation;
  std::string problem = part(
      writer, "types", [&] { return inquiry.session.insight->types(); },
      [&](const auto& types) { situation.types = types; });
  situation.knows_types = problem.empty();
  if (!problem.empty()) situation.unread.push_back(problem);
  problem = part(
      writer, "runtimes", [&] { return inquiry.session.desk->activity(); },
      [&](const store::Report& report) {
        situation.runtimes = report.runtimes;
        situation.stuck = report.stuck;
        situation.last_minute = report.last_minute;
        situation.last_hour = report.last_hour;
        if (!report.unread.empty()) situation.unread.push_back(report.unread);
        member(writer, "runtimes", report.runtimes.size());
        write_rates(writer, report.last_minute, situation.done_per_second);
      });
  situation.knows_runtimes = problem.empty();
  if (!problem.empty()) situation.unread.push_back(problem);
  find_failures(inquiry, range, writer, situation);
  return situation;
}

}  // namespace

Model now_page(const Inquiry& inquiry) {
  Object object;
  JsonWriter& writer = object.writer();
  Model model;
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
  std::vector<store::Mark> marks;
  part(
      writer, "marks", [&] { return inquiry.session.insight->marks(range.from, range.to); },
      [&](const std::vector<store::Mark>& answer) {
        marks = answer;
        array_member(writer, "marks", answer, [&](const store::Mark& mark) { write(writer, mark); });
      });
  const Situation situation = find_situation(inquiry, range, writer);
  part(
      writer, "created", [&] { return inquiry.session.desk->aggregate(std::chrono::seconds(60)); },
      [&](const store::Aggregate& aggregate) {
        object_member(writer, "created_last_minute", [&] {
          member(writer, "count", aggregate.created);
          member(writer, "more", aggregate.more);
        });
      });
  part(
      writer, "database", [&] { return inquiry.session.insight->database(); },
      [&](const store::DatabaseState& state) {
        object_member(writer, "database", [&] { write(writer, state); });
      });
  member(writer, "done_per_second", situation.done_per_second);
  write_waiting(writer, situation);
  write_problems(writer, verdict(situation));
  model.json = object.text();
  model.texts = {{"spark", sparkline(series)},
                 {"mark_lines", mark_lines(series, marks)},
                 {"chart", chart_of(series, marks)}};
  return model;
}

Model jobs_page(const Inquiry& inquiry) {
  const Form& form = inquiry.form;
  const store::JobQuery query = query_of(form);
  std::vector<std::vector<std::string>> columns;
  for (const std::string& column : form.values("column")) columns.push_back(asked_path("column", column));
  if (!columns.empty() || !query.payload.empty() || !query.text.empty())
    require_payloads(inquiry, "a search or a column of payloads");
  refuse_guesses(inquiry, query);
  const auto after = key_of(form);
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
  bool counts_on = false;  // it can be counted exactly
  part(
      writer, "matches", [&] { return matches_of(inquiry, query, page, !after); },
      [&](const store::Counted& counted) {
        member(writer, "matches", counted);
        counts_on = counted.more;
      });
  Model model{object.text(), {}};
  add_form(form, model);
  if (counts_on) model.texts["exact_query"] = with_exact(model.texts["query"]);
  if (page.next) model.texts["next_query"] = followed(model.texts["query"], *page.next);
  return model;
}

Model jobs_form(const Form& form, const Problem4xx& problem) {
  Model model{"{}", {{"problem", problem.what()}}};
  add_form(form, model);
  if (!problem.parameter().empty()) model.texts["bad_" + problem.parameter()] = "yes";
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
  return {object.text(), {}, {}};
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
  return {object.text(), {}, {}};
}

namespace {

std::string words_of(Change change) {
  return change == Change::give_up ? "give up" : name_of(change);
}

void write_operation(JsonWriter& writer, const OperationState& state) {
  member(writer, "id", state.id);
  member(writer, "action", name_of(state.change));
  member(writer, "actor", state.actor);
  member(writer, "filter", state.filter);
  member(writer, "changed", state.changed);
  member(writer, "over", state.over);
  member(writer, "stopped", state.stopped);
  member(writer, "error", state.error);
}

}  // namespace

int operation_number(const std::string& text) {
  return number_of("the number of an operation", text, 1, 2'000'000'000);
}

Model operations_page(const Inquiry& inquiry) {
  Object object;
  array_member(object.writer(), "operations", inquiry.operations.all(),
               [&](const auto& state) { write_operation(object.writer(), state); });
  return {object.text(), {}, {}};
}

Model operation_page(const Inquiry& inquiry) {
  const auto state = inquiry.operations.state(operation_number(inquiry.name));
  if (!state) throw Problem4xx(404, "there is no operation " + inquiry.name + " since the server started");
  Object object;
  write_operation(object.writer(), *state);
  return {object.text(), {}, {}};
}

/// How many jobs of a group there are, and how many of them a change meets.
store::Counted count_group(const Inquiry& inquiry, const store::JobFilter& filter, Change change,
                           JsonWriter& writer) {
  const auto jobs = inquiry.session.insight->group_jobs(filter.types.front(), filter.code, *filter.alike);
  object_member(writer, "group", [&] {
    member(writer, "type", filter.types.front());
    member(writer, "code", filter.code);
    member(writer, "message", filter.alike->message);
    member(writer, "frame", filter.alike->frame);
    member(writer, "failed", jobs.failed);
    member(writer, "planned", jobs.planned);
    if (jobs.horizon) member(writer, "read_to", *jobs.horizon);
  });
  store::Counted counted = jobs.planned;
  if (change != Change::give_up) counted.count += jobs.failed.count;
  return counted;
}

Model plan_page(const Inquiry& inquiry) {
  const std::string action = inquiry.form.value("action");
  Form form = inquiry.form;
  form.erase("action");
  form.erase("exact");
  const store::JobFilter filter = filter_of(form);
  const Change change = change_of(action, filter);
  Object object;
  store::Counted counted;
  if (filter.alike) {
    counted = count_group(inquiry, filter, change, object.writer());
  } else {
    counted = dashboard::counted(inquiry, query_of(form));
  }
  member(object.writer(), "matches", counted);
  member(object.writer(), "action", action);
  Model model{object.text(), {{"query", form.query()}, {"verb", words_of(change)}}};
  if (change == Change::give_up) model.texts["gives_up"] = "yes";
  if (change != Change::retry) model.texts["asks"] = "yes";
  if (counted.count > 0 || counted.more) model.texts["any_match"] = "yes";
  if (counted.more && !filter.alike) {
    Form exact = inquiry.form;
    exact.set("exact", "1");
    model.texts["exact_query"] = exact.query();
  }
  return model;
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
