// sluice health api: whether a running runtime is alive and ready; the guide's health:api.
#include <rapidjson/document.h>

#include <algorithm>
#include <iostream>
#include <optional>

#include "base/address.hpp"
#include "cli/command.hpp"
#include "cli/text/json.hpp"
#include "cli/text/table.hpp"
#include "http/inquiry.hpp"

namespace sluice::cli {

namespace {

constexpr std::chrono::seconds patience{5};

struct Row {
  std::string name;
  std::string result;  ///< "ok", "warning" or "failed"
  std::string found;
};

struct Where {
  base::Address address;
  bool tls = false;

  std::string url() const { return (tls ? "https://" : "http://") + address.text(); }
};

/// The address in "http://host:port/"; the scheme and the slash are optional.
Where address_of(const std::string& url) {
  std::string rest = url;
  const bool tls = url.starts_with("https://");
  if (const auto scheme = url.find("://"); tls || url.starts_with("http://")) rest.erase(0, scheme + 3);
  while (rest.ends_with('/')) rest.pop_back();
  const auto address = base::parse_address(rest);
  if (address && address->port != 0) return {*address, tls};
  throw base::UsageError("--url: invalid URL '" + url + "', expected http://HOST:PORT");
}

Where where(const GlobalOptions& global, const std::string& url) {
  const config::Config config = global.resolve();
  if (!url.empty()) return address_of(url);
  if (config.http.listen.empty()) {
    throw base::UsageError(
        "the address of the runtime is not known; give --url http://HOST:PORT, or set http.listen or "
        "SLUICE_HTTP_LISTEN as for `sluice run`");
  }
  base::Address address = *base::parse_address(config.http.listen);
  if (address.port == 0) {
    throw base::UsageError("http.listen is '" + config.http.listen +
                           "', which leaves the port to the system; give --url with the port from the "
                           "runtime's log");
  }
  if (address.host == "0.0.0.0") address.host = "127.0.0.1";  // it listens on every address of this machine
  if (address.host == "::") address.host = "::1";
  return {address, !config.http.certificate.empty()};
}

std::string text_of(const rapidjson::Value& object, const char* key) {
  if (!object.HasMember(key) || !object[key].IsString()) return "";
  return {object[key].GetString(), object[key].GetStringLength()};
}

/// The checks of a Sluice health page; nullopt if the body is something else.
std::optional<std::vector<Row>> checks_of(const std::string& body) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(body.data(), body.size());
  if (document.HasParseError() || !document.IsObject()) return std::nullopt;
  if (!document.HasMember("checks") || !document["checks"].IsArray()) return std::nullopt;
  std::vector<Row> rows;
  for (const auto& check : document["checks"].GetArray()) {
    if (!check.IsObject()) return std::nullopt;
    rows.push_back({text_of(check, "name"), text_of(check, "result"), text_of(check, "found")});
  }
  return rows;
}

/// Requests `path`; false if further requests are pointless.
bool look(const Where& where, const std::string& path, std::vector<Row>& rows) {
  const std::string url = where.url() + path;
  http::Question question{path};
  question.tls = where.tls;
  const http::Answer answer = http::ask(where.address, question, patience);
  if (answer.status == 0) {
    rows.push_back(
        {"connection", "failed",
         "GET " + url + ": " + answer.problem + "; is `sluice run` up, with --listen or http.listen?"});
    return false;
  }
  const auto checks = checks_of(answer.body);
  if (!checks || (answer.status != 200 && answer.status != 503)) {
    rows.push_back({"connection", "failed",
                    "GET " + url + ": HTTP status " + std::to_string(answer.status) +
                        ", but the answer is not from Sluice; check the port"});
    return false;
  }
  for (const Row& row : *checks) {
    const bool said =
        std::any_of(rows.begin(), rows.end(), [&](const Row& one) { return one.name == row.name; });
    if (!said) rows.push_back(row);
  }
  return true;
}

void print_json(const std::string& url, const std::vector<Row>& rows, bool good) {
  rapidjson::StringBuffer buffer;
  JsonWriter writer(buffer);
  writer.StartObject();
  member(writer, "url", url);
  member(writer, "healthy", good);
  writer.Key("checks");
  writer.StartArray();
  for (const Row& row : rows) {
    writer.StartObject();
    member(writer, "name", row.name);
    member(writer, "result", row.result);
    member(writer, "found", row.found);
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
  std::cout << buffer.GetString() << "\n";
}

int health_api(const GlobalOptions& global, const std::string& url, bool json) {
  const Where place = where(global, url);
  std::vector<Row> rows;
  if (look(place, "/livez", rows)) look(place, "/readyz", rows);
  const bool good = std::none_of(
      rows.begin(), rows.end(), [](const Row& row) { return row.result != "ok" && row.result != "warning"; });
  if (json) {
    print_json(place.url(), rows, good);
    return good ? ExitCode::ok : ExitCode::failed;
  }
  std::vector<std::vector<std::string>> lines;
  lines.reserve(rows.size());
  for (const Row& row : rows) lines.push_back({row.result, row.found});
  std::cout << table(lines);
  return good ? ExitCode::ok : ExitCode::failed;
}

}  // namespace

void add_health_api(const Command& health, GlobalOptions& global, int& code) {
  const Command api = health.add_subcommand(
      "api",
      "Ask a runtime if it is alive (/livez) and ready (/readyz). Exits with 1 if a check "
      "failed or nothing answers; a warning does not count");
  add_log_options(api, global);
  static std::string url;
  static bool json = false;
  api.add_option("--url", url, "Where the runtime serves HTTP [SLUICE_HTTP_LISTEN; http.listen]")
      .takes("URL");
  api.add_flag("--json", json, "Print the result as JSON");
  add_examples(api,
               "  sluice health api --url http://127.0.0.1:9640\n"
               "  sluice health api --json | jq -r '.checks[] | select(.result != \"ok\") | .found'");
  api.callback([&] { code = health_api(global, url, json); });
}

}  // namespace sluice::cli
