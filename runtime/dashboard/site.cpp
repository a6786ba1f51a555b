#include "dashboard/site.hpp"

#include <rapidjson/document.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "base/log.hpp"
#include "base/text.hpp"
#include "base/usage_error.hpp"
#include "base/version.hpp"
#include "dashboard/endpoints.hpp"
#include "dashboard/models.hpp"
#include "dashboard/payload_form.hpp"
#include "dashboard/view.hpp"

namespace sluice::dashboard {

/// A page.
struct Route {
  std::string_view path;  ///< "*" stands for one name
  const char* page;       ///< its template
  const char* title;
  Model (*make)(const Inquiry&);
  Role least = Role::view;
  /// What the page shows instead if its parameters are wrong; null: page Not possible.
  Model (*again)(const Form&, const Problem4xx&) = nullptr;
};

/// A form that is shown again with its problems.
class InvalidForm : public Problem4xx {
 public:
  using Problem4xx::Problem4xx;
};

namespace {

constexpr std::string_view api = "/api/v1";
constexpr const char* said_cookie = "sluice_said";
constexpr const char* content_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

constexpr std::array<Route, 14> routes{{
    {"/", "now", "Now", now_page},
    {"/now", "now", "Now", now_page},
    {"/types", "types", "Types", types_page},
    {"/types/*", "type", "Type", type_page},
    {"/jobs", "jobs", "Jobs", jobs_page, Role::view, jobs_form},
    {"/jobs/*", "job", "Job", job_page},
    {"/failures", "failures", "Failures", failures_page},
    {"/plugins", "plugins", "Plugins", plugins_page},
    {"/runtimes", "runtimes", "Runtimes", runtimes_page},
    {"/operations", "operations", "Operations", operations_page},
    {"/operations/*", "operation", "Operation", operation_page},
    {"/audit", "audit", "Audit", audit_page, Role::admin},
    {"/why", "why", "Why?", why_page},
    {"/plan", "plan", "Change many jobs", plan_page, Role::operate},
}};

const Route* route_of(const std::vector<std::string>& parts) {
  const auto found = std::find_if(routes.begin(), routes.end(),
                                  [&](const Route& route) { return is_path(route.path, parts); });
  return found == routes.end() ? nullptr : &*found;
}

bool is_prefix(const std::string& text) {
  constexpr std::string_view more = "/._~-";
  return text.starts_with('/') && !text.ends_with('/') && text.find("//") == std::string::npos &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) != 0 || more.find(c) != std::string_view::npos;
         });
}

void protect(http::Page& page) {
  page.headers.insert(page.headers.end(), {{"Content-Security-Policy", content_policy},
                                           {"X-Content-Type-Options", "nosniff"},
                                           {"Referrer-Policy", "same-origin"},
                                           {"Cross-Origin-Opener-Policy", "same-origin"},
                                           {"Cross-Origin-Resource-Policy", "same-origin"}});
}

std::string_view type_of(std::string_view file) {
  if (file.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (file.ends_with(".css")) return "text/css; charset=utf-8";
  if (file.ends_with(".svg")) return "image/svg+xml";
  return "application/json";
}

http::Page asset(const std::string& path) {
  const auto* file = web_file(path.substr(1));
  if (file == nullptr) return {404, "text/plain", "There is no such file.\n"};
  http::Page page{200, std::string(type_of(path)), std::string(*file)};
  page.headers = {{"Cache-Control", "public, max-age=31536000, immutable"}};
  return page;
}

/// Of all assets, so that a browser takes new ones.
const std::string& assets_version() {
  static const std::string version = [] {
    std::string all;
    for (const WebFile& file : web_files()) all += file.text;
    return digest_of(all).substr(0, 12);
  }();
  return version;
}

http::Page redirect(const std::string& to) {
  http::Page page{303, "text/plain", ""};
  page.headers = {{"Location", to}};
  return page;
}

/// RFC 9457.
http::Page problem(int status, const std::string& detail) {
  rapidjson::StringBuffer buffer;
  JsonWriter writer(buffer);
  writer.StartObject();
  member(writer, "status", status);
  member(writer, "detail", base::valid_utf8(detail));
  writer.EndObject();
  return {status, "application/problem+json", std::string(buffer.GetString()) + "\n"};
}

/// The fields of a form, or of a JSON object whose members are texts, numbers or lists of such.
Form body_of(const http::Request& request) {
  if (!request.header("content-type").starts_with("application/json")) return Form(request.body);
  constexpr unsigned flags = rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag |
                             rapidjson::kParseValidateEncodingFlag;
  rapidjson::Document document;
  document.Parse<flags>(request.body.data(), request.body.size());
  if (document.HasParseError() || !document.IsObject())
    throw Problem4xx(400, "the body must be a JSON object in UTF-8");
  std::string fields;
  for (const auto& member : std::as_const(document).GetObject()) {
    const std::string name(member.name.GetString(), member.name.GetStringLength());
    const auto add = [&](const rapidjson::Value& value) {
      if (!value.IsString())
        throw Problem4xx(400, "parameter '" + name + "' must be a text, a number or a list of such", name);
      fields += "&" + encoded(name) + "=" + encoded({value.GetString(), value.GetStringLength()});
    };
    if (!member.value.IsArray()) {
      add(member.value);
      continue;
    }
    for (const auto& one : member.value.GetArray()) add(one);
  }
  return Form(fields);
}

std::string cookie(const std::string& name, const std::string& value, const std::string& prefix, int seconds,
                   bool secure) {
  return name + "=" + value + "; Path=" + (prefix.empty() ? "/" : prefix) +
         "; Max-Age=" + std::to_string(seconds) + "; HttpOnly; SameSite=Strict" + (secure ? "; Secure" : "");
}

std::string session_cookie_of(const http::Request& request, const std::string& value,
                              const std::string& prefix, int seconds, bool secure) {
  return cookie(cookie_name(session_cookie, request, prefix), value, prefix, seconds, secure);
}

void require(const Visitor& visitor, Role role) {
  if (visitor.role >= role) return;
  throw Problem4xx(403, "this needs role " + std::string(role_name(role)) + "; " + visitor.name +
                            " has role " + std::string(role_name(visitor.role)));
}

std::string changed_text(const std::string& action, const std::vector<store::Changed>& changed) {
  const std::string past = action == "retry" ? "retried" : action == "cancel" ? "cancelled" : "deleted";
  const auto count =
      std::count_if(changed.begin(), changed.end(), [](const auto& one) { return one.changed; });
  const auto requested =
      std::count_if(changed.begin(), changed.end(), [](const auto& one) { return one.requested; });
  std::string text = grouped(count) + " of " + grouped(static_cast<long long>(changed.size())) + " " + past;
  if (requested > 0) text += "; asked to stop: " + grouped(requested);
  return text;
}

/// What can't be taken back is asked for twice.
void require_sure(const Form& form, const std::string& what) {
  if (form.value("sure") != "yes") throw Problem4xx(400, what + " needs sure=yes; tick the box that says so");
}

/// Whether one of its texts has the escape of a NUL.
bool has_nul(const std::string& json) {
  for (auto at = json.find('\\'); at != std::string::npos; at = json.find('\\', at + 2)) {
    if (json.compare(at, 6, "\\u0000") == 0) return true;
  }
  return false;
}

/// The payload of a new job that was written as JSON.
std::string written_payload(const Form& form) {
  constexpr std::size_t most_levels = 1000;
  std::string payload = form.value("payload");
  const auto wrong = [](const char* why) { return InvalidForm(400, why, "payload"); };
  if (payload.empty()) throw wrong("a job needs a payload");
  if (!base::is_json(payload)) throw wrong("the payload is no JSON");
  if (base::is_nested_deeper(payload, most_levels))
    throw wrong("the payload has more than 1,000 levels of arrays and objects");
  if (has_nul(payload)) throw wrong("the payload has a NUL (\\u0000), which PostgreSQL can't store");
  if (payload.find("\"[redacted]\"") != std::string::npos)
    throw wrong("the payload contains \"[redacted]\"; write the values themselves in its place");
  return payload;
}

/// The same for what needs role admin, which is checked first.
void require_sure(const Visitor& visitor, const Form& form, const std::string& what) {
  require(visitor, Role::admin);
  require_sure(form, what);
}

/// The payload of a new job: as JSON, or as the fields of its type's form.
std::string payload_of(const Form& form, const std::string& schema, const Services& services) {
  constexpr std::string_view prefix = "field.";
  const bool has_fields = form.value("form") == "fields";
  if (has_fields && form.has("payload"))
    throw Problem4xx(400, "with form=fields, the fields make the payload; leave out 'payload'", "payload");
  auto fields = fields_of(has_fields ? schema : "");
  for (const auto& [name, value] : form.fields()) {
    if (!name.starts_with(prefix)) continue;
    if (!has_fields) throw Problem4xx(400, "parameter '" + name + "' needs form=fields", name);
    const std::string_view member = std::string_view(name).substr(prefix.size());
    if (std::none_of(fields.begin(), fields.end(), [&](const auto& field) { return field.name == member; }))
      throw Problem4xx(400, "unknown parameter '" + name + "'; the type's schema has no such member", name);
  }
  if (!has_fields) return written_payload(form);
  fill(fields, form);
  const auto payload = dashboard::payload_of(fields);
  const bool good = payload && (!services.examine || services.examine(schema, *payload, true).empty());
  if (!good) throw InvalidForm(422, "the fields do not make a payload that the type's schema takes");
  return *payload;
}

}  // namespace

/// One request of somebody who may see something.
struct Site::Visit {
  const http::Request& request;
  std::string prefix;
  std::vector<std::string> parts;  ///< of the path, without /api/v1
  bool is_api = false;
  bool is_part = false;  ///< only the content is wanted, without the page around it
  Visitor visitor;
};

Site::Site(Sources sources, SiteOptions options)
    : sessions_(std::move(sources)), options_(std::move(options)), access_(options_.access) {}

http::Page Site::answer(const http::Request& request) {
  const std::string prefix = prefix_of(request);
  std::string path = request.path;
  for (const std::string& before : {prefix, options_.base_path}) {
    if (!before.empty() && (path == before || path.starts_with(before + "/"))) path.erase(0, before.size());
  }
  if (path.empty()) path = "/";
  http::Page page = path.starts_with("/assets/") ? asset(path) : serve(request, prefix, path);
  protect(page);
  return page;
}

/// What is before every path, as the browser sees it.
std::string Site::prefix_of(const http::Request& request) const {
  const std::string forwarded = request.header("x-forwarded-prefix");
  return access_.is_proxy(request) && is_prefix(forwarded) ? forwarded : options_.base_path;
}

http::Page Site::serve(const http::Request& request, const std::string& prefix, const std::string& path) {
  if (path == "/login") return log_in(request, prefix);
  const bool is_api = path.starts_with(std::string(api) + "/");
  const auto visitor = access_.visitor(request, prefix);
  if (!visitor) {
    if (!is_api) return redirect(prefix + "/login");
    http::Page page = problem(401, "send a token as \"Authorization: Bearer TOKEN\"");
    page.headers = {{"WWW-Authenticate", "Bearer"}};
    return page;
  }
  const std::string plain = is_api ? path.substr(api.size()) : path;
  const Visit visit{request, prefix, parts_of(plain), is_api, !request.header("x-sluice-part").empty(),
                    *visitor};
  const auto fail = [&](int status, const std::string& why) {
    http::Page page = failure(visit, status, why);
    if (status == 405) page.headers.emplace_back("Allow", methods_of(visit.parts, is_api));
    return page;
  };
  try {
    const Endpoint& endpoint = endpoint_of(request.method, visit.parts, is_api);
    if (request.method == "GET") return show(visit, endpoint);
    if (!access_.is_own(request)) return fail(403, "the request comes from a page of another site");
    return change(visit, endpoint);
  } catch (const Problem4xx& failed) {
    return fail(failed.status(), failed.what());
  } catch (const store::Invalid& failed) {
    return fail(400, failed.what());
  } catch (const store::TimedOut& failed) {
    return fail(504, failed.what());
  } catch (const store::Unavailable& failed) {
    return fail(503, failed.what());
  } catch (const store::Refused& failed) {
    return fail(502, failed.what());
  }
}

http::Page Site::failure(const Visit& visit, int status, const std::string& why) const {
  if (visit.is_api) return problem(status, why);
  rapidjson::StringBuffer buffer;
  JsonWriter writer(buffer);
  writer.StartObject();
  member(writer, "status", status);
  member(writer, "problem", base::valid_utf8(why));
  writer.EndObject();
  return html(visit, "error", {buffer.GetString(), {{"title", "Not possible"}}}, status);
}

http::Page Site::log_in(const http::Request& request, const std::string& prefix) {
  const bool sends = request.method == "POST";
  const Visit visit{request, prefix, {"login"}, false, false, {}};
  const Form form(sends ? request.body : request.query);
  try {
    check(form, endpoint_of(request.method, visit.parts, false), false);
  } catch (const Problem4xx& failed) {
    http::Page page = failure(visit, failed.status(), failed.what());
    if (failed.status() == 405) page.headers.emplace_back("Allow", methods_of(visit.parts, false));
    return page;
  }
  // A page of another site, or a link there, could log a browser in as somebody of its choice. Programs send
  // neither header.
  const std::string token = form.value("token");
  const bool from_page = !request.header("origin").empty() || !request.header("sec-fetch-site").empty();
  if ((sends || !token.empty()) && from_page && !access_.is_own(request))
    return failure(visit, 403, "the request comes from a page of another site");
  const bool secure = options_.secure || request.header("x-forwarded-proto") == "https";
  if (!token.empty()) {
    if (const auto secret = access_.log_in(token)) {
      http::Page page = redirect(prefix + "/");
      page.headers.emplace_back("Set-Cookie", session_cookie_of(request, *secret, prefix, 12 * 3600, secure));
      return page;
    }
  }
  if (sends && token.empty() && access_.is_own(request)) {
    access_.log_out(request, prefix);
    http::Page page = redirect(prefix + "/login");
    page.headers.emplace_back("Set-Cookie", session_cookie_of(request, "", prefix, 0, secure));
    return page;
  }
  const std::string model = token.empty() ? "{}" : R"({"wrong":true})";
  return html(visit, "login", {model, {{"title", "Log in"}}}, token.empty() ? 200 : 403);
}

http::Page Site::show(const Visit& visit, const Endpoint& endpoint) {
  const Form form(visit.request.query);
  const Route* const route = route_of(visit.parts);
  try {
    check(form, endpoint, visit.is_api);
    if (endpoint.path == "/events") return events(visit);
    if (endpoint.path == "/openapi.json")
      return {200, "application/json", std::string(*web_file("templates/openapi.json"))};
    if (endpoint.path == "/jobs/*/repro") return take_home(visit);
    if (route == nullptr) throw Problem4xx(404, "there is no such page");
    require(visit.visitor, route->least);
    const auto session = sessions_.borrow();
    Model model = route->make(inquiry_of(visit, *session.operator->(), form));
    if (visit.is_api) return {200, "application/json", model.json + "\n"};
    return page_of(visit, *route, std::move(model), 200);
  } catch (const Problem4xx& wrong) {
    if (visit.is_api || route == nullptr || route->again == nullptr) throw;
    return page_of(visit, *route, route->again(form, wrong), wrong.status());
  }
}

/// Until the visitor logs out, or the session ends.
http::Page Site::events(const Visit& visit) const {
  http::Page page{200, "text/event-stream", "retry: 3000\n\n"};
  page.watches = true;
  page.goes_on = [this, request = visit.request, prefix = visit.prefix] {
    return access_.visitor(request, prefix).has_value();
  };
  return page;
}

http::Page Site::page_of(const Visit& visit, const Route& route, Model model, int status) const {
  model.texts["title"] = route.title;
  model.texts["tab"] = route.page;
  return html(visit, route.page, model, status);
}

Inquiry Site::inquiry_of(const Visit& visit, Session& session, const Form& form) const {
  return {session,
          operations_,
          visit.visitor,
          form,
          visit.parts.empty() ? "" : visit.parts.back(),
          options_.redacts,
          &options_.services,
          &reloads_};
}

/// The file of `sluice jobs repro`.
http::Page Site::take_home(const Visit& visit) {
  if (!options_.services.repro)
    throw Problem4xx(404, "this server makes no repros; use sluice jobs repro ID");
  if (!visit.visitor.payloads)
    throw Problem4xx(
        403, "a repro has the payload, and " + visit.visitor.name + " lacks the right to see payloads");
  const std::string& id = visit.parts[1];
  const auto session = sessions_.borrow();
  const auto details = session->jobs->show(id);
  const auto text = details ? options_.services.repro(*session->jobs, id, options_.redacts(details->job.type))
                            : std::optional<std::string>();
  if (!text) throw Problem4xx(404, "there is no job '" + id + "'");
  desk_of(visit)->record("repro", {}, {id});
  http::Page page{200, "application/json", *text};
  page.headers = {{"Content-Disposition", "attachment; filename=\"" + encoded(id) + ".json\""},
                  {"Cache-Control", "no-store"}};
  return page;
}

/// The page where the form was, with what was written and what is wrong with it.
http::Page Site::show_form_again(const Visit& visit, const Form& form, const InvalidForm& wrong) {
  const bool is_reload = visit.parts.front() == "plugins";
  const Route& route = *route_of(is_reload ? parts_of("/plugins") : parts_of("/types/*"));
  const auto session = sessions_.borrow();
  Inquiry inquiry = inquiry_of(visit, *session.operator->(), form);
  inquiry.name = form.value("type");
  Model model = route.make(inquiry);
  for (const char* const name : {"payload", "instead_of", "share", "for"})
    model.texts[std::string("in_") + name] = form.value(name);
  if (!wrong.parameter().empty()) model.texts["wrong_" + wrong.parameter()] = wrong.what();
  return page_of(visit, route, std::move(model), 422);
}

http::Page Site::change(const Visit& visit, const Endpoint& endpoint) {
  const Form address(visit.request.query);
  for (const auto& [name, value] : address.fields())
    throw Problem4xx(400, "parameter '" + base::valid_utf8(name) +
                              "' stands in the address; a change takes parameters in its body");
  const Form form = body_of(visit.request);
  check(form, endpoint, visit.is_api);
  std::string said;
  try {
    said = act(visit, form);
  } catch (const InvalidForm& invalid) {
    if (visit.is_api) throw;
    return show_form_again(visit, form, invalid);
  }
  if (visit.is_api) {
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    writer.StartObject();
    member(writer, "result", said);
    writer.EndObject();
    return {200, "application/json", std::string(buffer.GetString()) + "\n"};
  }
  // Back to where the form was.
  const std::string back = form.value("back");
  const bool is_local =
      back.starts_with('/') && !back.starts_with("//") && back.find('\\') == std::string::npos &&
      std::none_of(back.begin(), back.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; });
  http::Page page = redirect(visit.prefix + (is_local ? back : "/"));
  page.headers.emplace_back("Set-Cookie", cookie(cookie_name(said_cookie, visit.request, visit.prefix),
                                                 encoded(said), visit.prefix, 30, options_.secure));
  return page;
}

std::string Site::act(const Visit& visit, const Form& form) {
  const auto& parts = visit.parts;
  if (visit.request.method == "DELETE") return change_job(visit, "delete", parts[1]);
  if (parts.size() == 3 && parts[0] == "jobs") {
    if (parts[2] == "delete") require_sure(visit.visitor, form, "to delete a job");
    return change_job(visit, parts[2], parts[1]);
  }
  if (parts == std::vector<std::string>{"jobs"}) {
    if (form.value("action") == "delete") require_sure(visit.visitor, form, "to delete jobs");
    return change_jobs(visit, form.value("action"), form.values("id"));
  }
  if (parts == std::vector<std::string>{"jobs", "new"}) return enqueue(visit, form);
  if (parts.size() == 3 && parts[0] == "types") return change_type(visit, form);
  if (parts == std::vector<std::string>{"operations"}) return start_operation(visit, form);
  if (parts == std::vector<std::string>{"plugins", "reload"}) return reload(visit, form);
  if (parts.size() == 3 && parts[0] == "runtimes" && parts[2] == "drain") return drain(visit, form);
  if (parts.size() == 3 && parts[0] == "operations" && parts[2] == "stop") {
    require(visit.visitor, Role::operate);
    const int id = operation_number(parts[1]);
    if (!operations_.state(id))
      throw Problem4xx(404, "there is no operation " + parts[1] + " since the server started");
    if (!operations_.stop(id)) throw Problem4xx(409, "operation " + parts[1] + " is not under way");
    desk_of(visit)->record("stop", {{"operation", parts[1]}}, {});
    return "Operation " + parts[1] + " stops after its current batch";
  }
  throw Problem4xx(404, "there is nothing to change here");
}

std::string Site::change_jobs(const Visit& visit, const std::string& action,
                              const std::vector<std::string>& ids) {
  require(visit.visitor, action == "delete" ? Role::admin : Role::operate);
  if (ids.empty()) throw Problem4xx(400, "no jobs are chosen; 'id' names them", "id");
  return changed_text(action, changed_by(visit, action, ids));
}

std::string Site::change_job(const Visit& visit, const std::string& action, const std::string& id) {
  require(visit.visitor, action == "delete" ? Role::admin : Role::operate);
  const auto changed = changed_by(visit, action, {id});
  if (!changed.empty() && changed.front().state.standing == store::Standing::missing)
    throw Problem4xx(404, "there is no job '" + id + "'");
  return changed_text(action, changed);
}

std::vector<store::Changed> Site::changed_by(const Visit& visit, const std::string& action,
                                             const std::vector<std::string>& ids) {
  const auto desk = desk_of(visit);
  if (action == "retry") return desk->retry(ids);
  if (action == "cancel") return desk->cancel(ids);
  if (action == "delete") return desk->remove(ids);
  throw Problem4xx(400, "unknown action '" + action + "'; known are retry, cancel and delete", "action");
}

store::Actor Site::actor_of(const Visit& visit) {
  return {visit.visitor.name, std::string(role_name(visit.visitor.role)), "dashboard"};
}

std::unique_ptr<store::JobDesk> Site::desk_of(const Visit& visit) const {
  return sessions_.jobs(actor_of(visit));
}

std::string Site::change_type(const Visit& visit, const Form& form) {
  require(visit.visitor, Role::operate);
  const std::string& type = visit.parts[1];
  if (visit.parts[2] == "pause")
    return type + (desk_of(visit)->pause(type, form.value("reason")) ? " paused" : " was paused already");
  if (visit.parts[2] == "resume")
    return type + (desk_of(visit)->resume(type) ? " resumed" : " was not paused");
  throw Problem4xx(404, "unknown action '" + visit.parts[2] + "'; known are pause and resume");
}

/// A new job. If it takes the place of a failed one, "instead_of" names that.
std::string Site::enqueue(const Visit& visit, const Form& form) {
  require(visit.visitor, Role::operate);
  store::EnqueueRequest request;
  request.type = form.value("type");
  if (request.type.empty()) throw Problem4xx(400, "a job needs a type", "type");
  const auto session = sessions_.borrow();
  request.payload = payload_of(form, session->insight->schema(request.type), options_.services);
  const std::string id = session->desk->enqueue(request).id;
  std::map<std::string, std::string> details{{"type", request.type}};
  if (const auto former = form.value("instead_of"); !former.empty()) details["instead_of"] = former;
  desk_of(visit)->record("enqueue", details, {id});
  return "Job " + id + " enqueued";
}

/// Answers when the reload is over, or after a moment.
std::string Site::reload(const Visit& visit, const Form& form) {
  require(visit.visitor, Role::admin);
  const auto& control = options_.services.control;
  if (!control) throw Problem4xx(404, "this server can't ask runtimes; use sluice reload on their machine");
  const std::string given = form.value("what");
  const auto what = parse_reload(given.empty() ? "reload" : given);
  if (!what)
    throw Problem4xx(400,
                     "unknown 'what' '" + given + "'; known are reload, canary, promote, abort and rollback");
  const ReloadWish wish{*what, form.value("share"), form.value("for")};
  require_sure(form, "a reload");
  try {
    control->check(wish);
  } catch (const base::UsageError& wrong) {
    throw InvalidForm(400, wrong.what(), "share");
  }
  const std::shared_ptr<store::JobDesk> desk = desk_of(visit);  // shared, because the function is copied
  const auto record = [desk, wish](const std::string& runtimes) { record_reload(*desk, wish, runtimes); };
  if (!reloads_.start(*control, wish, visit.visitor.name, record))
    throw Problem4xx(409, "a reload is under way; wait until page Plugins shows its result");
  const auto state = reloads_.last();
  if (!state->over) return "Asked. Page Plugins shows the result when the runtimes report it";
  if (!state->error.empty()) throw Problem4xx(502, state->error);
  if (state->results.empty()) throw Problem4xx(409, "no runtime runs on this machine");
  return "Over. Page Plugins shows the result";
}

std::string Site::drain(const Visit& visit, const Form& form) {
  require(visit.visitor, Role::admin);
  require_sure(form, "a drain");
  const auto& control = options_.services.control;
  const auto session = sessions_.borrow();
  for (const auto& runtime : session->desk->activity().runtimes) {
    if (std::to_string(runtime.id) != visit.parts[1]) continue;
    const std::string trouble = control ? control->trouble(runtime) : "can't be asked by this server";
    if (!trouble.empty()) throw Problem4xx(409, "runtime " + visit.parts[1] + " " + trouble);
    desk_of(visit)->record("drain", {{"runtimes", visit.parts[1]}}, {});
    const std::string failed = control->drain(runtime);
    if (!failed.empty()) throw Problem4xx(409, "runtime " + visit.parts[1] + " " + failed);
    return "Runtime " + visit.parts[1] + " claims no more jobs, and ends when its jobs have ended";
  }
  throw Problem4xx(404, "there is no runtime " + visit.parts[1]);
}

std::string Site::start_operation(const Visit& visit, const Form& form) {
  const std::string action = form.value("action");
  require(visit.visitor, action == "delete" ? Role::admin : Role::operate);
  const std::string text = form.value("query");
  const Form query(text.starts_with('?') ? text.substr(1) : text);
  check_filter(query, true);
  const store::JobFilter filter = filter_of(query);
  OperationState state;
  state.change = change_of(action, filter);
  if (state.change != Change::retry)
    require_sure(form, "to " + (action == "give_up" ? "give up" : action) + " jobs");
  state.actor = visit.visitor.name;
  state.filter = query.query();
  const auto id = operations_.start(std::move(state), filter, sessions_.walks(actor_of(visit)));
  if (!id) throw Problem4xx(429, "too many operations are under way; stop one, or wait");
  return "Operation " + std::to_string(*id) + " started";
}

http::Page Site::html(const Visit& visit, const std::string& page, const Model& model, int status) const {
  rapidjson::StringBuffer buffer;
  JsonWriter writer(buffer);
  const Visitor& visitor = visit.visitor;
  const std::string said = cookie_value(visit.request, cookie_name(said_cookie, visit.request, visit.prefix));
  writer.StartObject();
  object_member(writer, "site", [&] {
    member(writer, "base", visit.prefix);
    member(writer, "visitor", visitor.name);
    member(writer, "role", std::string(role_name(visitor.role)));
    member(writer, "session", access_.has_session(visit.request, visit.prefix));
    member(writer, "operate", visitor.role >= Role::operate);
    member(writer, "admin", visitor.role >= Role::admin);
    member(writer, "payloads", visitor.payloads);
    member(writer, "assets", assets_version());
    member(writer, "version", std::string(base::version()));
    member(writer, "said", said);
  });
  writer.EndObject();
  const std::string around(buffer.GetString(), buffer.GetSize() - 1);
  const auto merged = [](std::string all, const std::string& object) {
    const std::string own = object.substr(object.find('{') + 1, object.rfind('}') - object.find('{') - 1);
    const bool has_members = own.find_first_not_of(" \n") != std::string::npos;
    return std::move(all) + (has_members ? "," + own : "");
  };
  std::string whole = merged(around, model.json);
  if (!model.view.empty()) whole = merged(std::move(whole), model.view);
  whole += "}";
  auto texts = model.texts;
  if (const auto tab = texts.find("tab"); tab != texts.end()) texts["tab_" + tab->second] = "page";
  http::Page answer{status, "text/html; charset=utf-8", rendered(page, whole, texts, !visit.is_part)};
  if (!said.empty() && !visit.is_part)
    answer.headers = {{"Set-Cookie", cookie(cookie_name(said_cookie, visit.request, visit.prefix), "",
                                            visit.prefix, 0, options_.secure)}};
  return answer;
}

std::string Site::event() {
  std::string json;
  try {
    const Visitor nobody{"", Role::view, false};
    const Form form("");
    const auto session = sessions_.borrow();
    json = now_page({*session.operator->(), operations_, nobody, form, "", options_.redacts}).json;
  } catch (const std::exception& failed) {
    json = "{\"problem\": " + base::json_quote(base::valid_utf8(failed.what())) + "}";
  }
  std::erase(json, '\n');
  return "event: now\ndata: " + json + "\n\n";
}

}  // namespace sluice::dashboard
