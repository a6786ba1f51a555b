#include "dashboard/endpoints.hpp"

#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "dashboard/pages.hpp"

namespace sluice::dashboard {

namespace {

using Fields = std::vector<RequestField>;

const Fields& range() {
  static const Fields fields{{"range", {"1h", "6h", "1d", "7d", "30d"}}, {"to"}};
  return fields;
}

/// Which jobs a list has, or a change of many meets.
Fields filter() {
  return {{"status", {"pending", "processing", "scheduled", "error", "done"}, true},
          {"type", {}, true},
          {"from"},
          {"before"},
          {"code"}};
}

RequestField of_page(RequestField field) {
  field.page_only = true;
  return field;
}

Fields with(Fields fields, const Fields& more) {
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

/// What a change sends besides its own fields: where its page was.
Fields change(const Fields& fields) {
  return with(fields, {of_page({"back", {}, false, true})});
}

Fields list() {
  return with(filter(), {{"attempts"},
                         {"version"},
                         {"where", {}, true},
                         {"text"},
                         {"column", {}, true},
                         {"order", {"newest", "oldest"}},
                         {"limit"},
                         {"exact", {"1"}},
                         {"after_at"},
                         {"after_id", {}, false, true}});
}

/// A change of many jobs can be restricted by these. Those of the second line are known, but refused by name.
Fields many() {
  return with(filter(), {{"group", {"1"}},
                         {"message", {}, false, true},
                         {"frame", {}, false, true},
                         of_page({"attempts"}),
                         of_page({"version"}),
                         of_page({"where", {}, true}),
                         of_page({"text"})});
}

std::vector<Endpoint> all_endpoints() {
  const RequestField sure{"sure", {"yes"}};
  const RequestField member{"field.*", {}, false, true};
  return {
      {"GET", "/", range(), Side::page},
      {"GET", "/now", range()},
      {"GET", "/types", {{"name"}, {"order", {"name", "weight"}}, {"after"}}},
      {"GET", "/types/*", with(range(), {of_page(member)})},
      {"POST", "/types/*/pause", change({{"reason", {}, false, true}})},
      {"POST", "/types/*/resume", change({})},
      {"GET", "/jobs", list()},
      {"POST", "/jobs", change({{"action", {"retry", "cancel", "delete"}}, {"id", {}, true}, sure})},
      {"POST", "/jobs/new", change({{"type"}, {"payload"}, {"instead_of"}, {"form", {"fields"}}, member})},
      {"GET", "/jobs/*"},
      {"DELETE", "/jobs/*"},
      {"POST", "/jobs/*/retry", change({})},
      {"POST", "/jobs/*/cancel", change({})},
      {"POST", "/jobs/*/delete", change({sure}), Side::page},
      {"GET", "/jobs/*/repro"},
      {"GET", "/failures", range()},
      {"GET", "/plugins"},
      {"POST", "/plugins/reload",
       change({sure, {"what", {"reload", "canary", "promote", "abort", "rollback"}}, {"share"}, {"for"}})},
      {"GET", "/runtimes"},
      {"POST", "/runtimes/*/drain", change({sure})},
      {"GET", "/operations"},
      {"POST", "/operations", change({{"action", {"retry", "delete", "give_up"}}, {"query"}, sure})},
      {"GET", "/operations/*"},
      {"POST", "/operations/*/stop", change({})},
      {"GET", "/plan", with({{"action", {"retry", "delete", "give_up"}}, {"exact", {"1"}}}, many())},
      {"GET", "/audit", {{"after"}}},
      {"GET", "/why", {{"q"}}},
      {"GET", "/events"},
      {"GET", "/openapi.json", {}, Side::api},
      {"GET", "/login", {{"token"}}, Side::page},
      {"POST", "/login", {{"token"}}, Side::page},
  };
}

bool serves(const Endpoint& endpoint, bool is_api) {
  return endpoint.side == Side::both || (endpoint.side == Side::api) == is_api;
}

bool matches(const RequestField& field, std::string_view name) {
  if (!field.name.ends_with('*')) return field.name == name;
  const auto prefix = field.name.substr(0, field.name.size() - 1);
  return name.size() > prefix.size() && name.starts_with(prefix);
}

std::string listed(const std::vector<std::string_view>& words) {
  return base::joined({words.begin(), words.end()});
}

std::string quoted(std::string_view text) {
  return "'" + base::shortened(base::valid_utf8(text), 100) + "'";
}

/// For people: those that a page adds by itself are left out.
std::string known(const Fields& fields) {
  std::vector<std::string_view> names;
  for (const RequestField& field : fields) {
    if (!field.page_only) names.push_back(field.name);
  }
  return names.empty() ? "none is known here" : "known here: " + listed(names);
}

const RequestField& field_of(const Fields& fields, const std::string& name, bool is_api) {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const RequestField& field) {
    return matches(field, name) && !(is_api && field.page_only);
  });
  if (found == fields.end())
    throw Problem4xx(400, "unknown parameter " + quoted(name) + "; " + known(fields), name);
  return *found;
}

void check_value(const RequestField& field, const std::string& name, const std::string& value, bool is_api) {
  if (base::valid_utf8(value) != value)
    throw Problem4xx(400, "parameter " + quoted(name) + " is no text in UTF-8, or has a NUL", name);
  if (value.empty()) {
    if (is_api && !field.empty)
      throw Problem4xx(400, "parameter " + quoted(name) + " is empty; leave it out, or give it a value",
                       name);
    return;
  }
  const auto& choices = field.choices;
  if (!choices.empty() && std::find(choices.begin(), choices.end(), value) == choices.end())
    throw Problem4xx(
        400, "parameter " + quoted(name) + " can't be " + quoted(value) + "; known: " + listed(choices),
        name);
}

void check_fields(const Form& form, const Fields& fields, bool is_api) {
  std::set<std::string> seen;
  for (const auto& [name, value] : form.fields()) {
    const RequestField& field = field_of(fields, name, is_api);
    if (!seen.insert(name).second && !field.many)
      throw Problem4xx(400, "parameter " + quoted(name) + " is given more than once, but means one value",
                       name);
    check_value(field, name, value, is_api);
  }
}

}  // namespace

const std::vector<Endpoint>& endpoints() {
  static const std::vector<Endpoint> all = all_endpoints();
  return all;
}

std::vector<std::string> parts_of(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    path.remove_prefix(1);
    const auto part = path.substr(0, path.find('/'));
    path.remove_prefix(part.size());
    parts.push_back(decoded(part));
  }
  return parts;
}

bool is_path(std::string_view path, const std::vector<std::string>& parts) {
  const auto names = parts_of(path);
  return std::equal(
      names.begin(), names.end(), parts.begin(), parts.end(),
      [](const auto& name, const auto& part) { return name == "*" ? !part.empty() : name == part; });
}

const Endpoint& endpoint_of(const std::string& method, const std::vector<std::string>& parts, bool is_api) {
  for (const std::string& part : parts) {
    if (base::valid_utf8(part) != part)
      throw Problem4xx(400, "the address has a name that is no text in UTF-8, or has a NUL: " + quoted(part));
  }
  for (const Endpoint& endpoint : endpoints()) {
    if (endpoint.method == method && serves(endpoint, is_api) && is_path(endpoint.path, parts))
      return endpoint;
  }
  const std::string methods = methods_of(parts, is_api);
  if (methods.empty())
    throw Problem4xx(404, method == "GET" ? "there is no such page" : "there is nothing to change here");
  throw Problem4xx(405, "only these methods are allowed here: " + methods);
}

std::string methods_of(const std::vector<std::string>& parts, bool is_api) {
  std::vector<std::string> methods;
  for (const Endpoint& endpoint : endpoints()) {
    if (!serves(endpoint, is_api) || !is_path(endpoint.path, parts)) continue;
    methods.emplace_back(endpoint.method);
    if (endpoint.method == "GET") methods.emplace_back("HEAD");
  }
  return base::joined(methods);
}

void check(const Form& form, const Endpoint& endpoint, bool is_api) {
  check_fields(form, endpoint.fields, is_api);
}

void check_filter(const Form& form, bool strict) {
  static const Fields fields = many();
  for (const RequestField& field : fields) {
    if (field.page_only &&
        (strict ? form.has(std::string(field.name)) : !form.values(std::string(field.name)).empty()))
      throw Problem4xx(400,
                       "a change of many jobs can't be restricted by '" + std::string(field.name) +
                           "'; restrict it by status, type, time or code, or select jobs on the page",
                       std::string(field.name));
  }
  check_fields(form, fields, strict);
}

}  // namespace sluice::dashboard
