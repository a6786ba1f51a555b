#include "config_reading.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>

namespace data_sync {

using sluice::Json;

namespace {

Paging read_paging(const Json& json) {
  const std::string text = json.string_or("paging", "none");
  static const std::map<std::string, Paging> names = {
      {"none", Paging::none}, {"link", Paging::link},   {"field", Paging::field},  {"page", Paging::page},
      {"last", Paging::last}, {"token", Paging::token}, {"offset", Paging::offset}};
  if (const auto found = names.find(text); found != names.end()) return found->second;
  refuse(json, "paging", "expected none, link, field, page, offset, token or last, found '" + text + "'");
}

/// The name of a parameter of the query, or a JSON pointer into the body.
std::string read_parameter(const Json& json, const std::string& key, const std::string& text,
                           const ApiSource& source) {
  if (text.empty() || text.front() != '/') return text;
  if (source.body.empty()) refuse(json, key, "'" + text + "' points into the body; set body");
  read_pointer(json, key, text);
  return text;
}

void read_next(const Json& json, ApiSource& source) {
  source.next_header = json.string_or("next_header", "");
  std::transform(source.next_header.begin(), source.next_header.end(), source.next_header.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const bool by_header = source.paging == Paging::token && !source.next_header.empty();
  if (by_header && json.find("next")) refuse(json, "next_header", "next is set too; keep one of them");
  if (!source.next_header.empty() && !by_header) refuse(json, "next_header", "it needs paging token");
  if (source.paging == Paging::field || (source.paging == Paging::token && !by_header)) {
    source.next = read_pointer(json, "next", json.string("next"));
  }
  if (source.paging == Paging::last) source.last = read_pointer(json, "last", json.string("last"));
}

void read_pages(const Json& json, ApiSource& source) {
  source.paging = read_paging(json);
  read_next(json, source);
  const bool named = source.paging == Paging::token || source.paging == Paging::last;
  const std::string usual = source.paging == Paging::page ? "page" : "offset";
  source.page_parameter =
      read_parameter(json, "page_parameter",
                     named ? json.string("page_parameter") : json.string_or("page_parameter", usual), source);
  source.first_page = json.integer_or("first_page", source.first_page);
  if (json.find("page_size")) source.page_size = read_count(json, "page_size", 1, 1'000'000);
  source.more = read_optional_pointer(json, "more");
  source.total = read_optional_pointer(json, "total");
  if (json.find("max_pages")) source.max_pages = read_count(json, "max_pages", 1, 1'000'000'000);
  if (json.find("max_time")) {
    const double seconds = json.number("max_time");
    if (!(seconds >= 0 && seconds <= 86'400)) refuse(json, "max_time", "expected seconds, 0 to 86400");
    source.max_time = milliseconds(std::llround(seconds * 1000));
  }
}

std::string read_body(const Json& json) {
  const auto body = json.find("body");
  if (!body) return {};
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  body->as_object().value().Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace

ApiSource read_source(const Json& json) {
  if (json.string("kind") != "api") refuse(json, "kind", "expected api");
  ApiSource source(read_endpoint(json));
  source.body = read_body(json);
  source.records = read_pointer(json, "records", json.string_or("records", ""));
  read_pages(json, source);
  if (json.find("cursor")) {
    source.cursor = read_pointer(json, "cursor", json.string("cursor"));
    source.cursor_parameter =
        read_parameter(json, "cursor_parameter", json.string("cursor_parameter"), source);
  }
  source.etag = json.boolean_or("etag", false);
  if (source.etag && (source.cursor || source.paging != Paging::none || !source.body.empty())) {
    refuse(json, "etag", "an ETag is for one response to a GET; remove paging, cursor and body, or etag");
  }
  source.parameters = read_texts(json, "parameters");
  for (const std::string& name : source.parameters) read_parameter(json, "parameters", name, source);
  return source;
}

}  // namespace data_sync
