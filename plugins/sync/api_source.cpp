#include "api_source.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "../common/encoding.hpp"
#include "body.hpp"
#include "http_outcome.hpp"
#include "json.hpp"
#include "pager.hpp"
#include "trouble.hpp"

namespace data_sync {

namespace {

using Clock = std::chrono::steady_clock;

/// The request for the first page.
Ask first_ask(const ApiSource& source, const Question& question) {
  Ask ask(source);
  for (const auto& [name, value] : question.parameters) {
    const auto& allowed = source.parameters;
    if (std::find(allowed.begin(), allowed.end(), name) == allowed.end()) {
      throw sluice::PermanentError("bad-payload", "payload /data/parameters: '" + name +
                                                      "' is not among the parameters of the source");
    }
    ask.set(name, text_value(value));
  }
  if (!source.cursor && !question.cursor.empty()) {
    throw sluice::PermanentError("bad-payload",
                                 "payload /data/cursor: the source has no cursor; omit it, or configure "
                                 "cursor and cursor_parameter of the source");
  }
  if (!question.cursor.empty()) ask.set(source.cursor_parameter, parse_json(question.cursor));
  return ask;
}

/// Where an earlier run of the same job stopped with the same question; otherwise the beginning. A position
/// of another job is not used, because the pages that it read may have changed since.
Position begin_of(const Question& question, const Ask& first, const sluice::Job& job) {
  Position begin;
  begin.asked = common::sha256_hex(first.url().text() + "\n" + first.body() + "\n" +
                                   std::string(job.idempotency_key()));
  if (!question.may_stop) return begin;
  const auto kept = position_of(question.position);
  return kept && kept->asked == begin.asked ? *kept : begin;
}

/// The first element of GraphQL's `errors`, which come with status 200, as shortened JSON. Empty if there is
/// no error.
std::string first_error(const rapidjson::Document& page) {
  if (!page.IsObject()) return {};
  const auto errors = page.FindMember("errors");
  if (errors == page.MemberEnd() || !errors->value.IsArray() || errors->value.Empty()) return {};
  return to_text(errors->value[0]).substr(0, 200);
}

/// Whether the error is about a rate limit.
bool is_about_pace(const std::string& error) {
  const std::string text = lower(error);
  for (const char* words : {"throttl", "rate limit", "rate_limit", "ratelimit", "too many requests"}) {
    if (text.find(words) != std::string::npos) return true;
  }
  return false;
}

class Asking {
 public:
  Asking(HttpClient& client, const ApiSource& source, const Question& question, const sluice::Job& job,
         Answer& answer)
      : client_(client),
        source_(source),
        question_(question),
        job_(job),
        answer_(answer),
        first_(first_ask(source, question)),
        begin_(begin_of(question, first_, job)),
        bytes_left_(source.endpoint.max_bytes) {}

  void ask(const TakePage& take) {
    if (begin_.pages > 0) {
      job_.log().info("continuing where an earlier run stopped", {{"page", begin_.pages + 1}});
      try {
        return read(begin_, take);
      } catch (const sluice::PermanentError& error) {
        // Servers forget page tokens after a while.
        if (answer_.pages > 0 || error.code().rfind("http-", 0) != 0) throw;
        job_.log().warn("the source no longer has that page; starting from the beginning",
                        {{"reason", error.what()}});
      }
    }
    Position anew;
    anew.asked = begin_.asked;
    read(anew, take);
  }

 private:
  void read(const Position& begin, const TakePage& take) {
    Pager pager(source_, first_, begin);
    Cursor cursor(source_.cursor, begin.cursor);
    answer_.position = begin.pages == 0 ? std::string() : to_json(begin);
    for (bool more = true; more;) {
      if (source_.max_pages != 0 && pager.position().pages == source_.max_pages) too_many_pages();
      if (may_stop() && Clock::now() - begun_ > source_.max_time) return stop();
      try {
        more = read_page(pager, cursor, take);
      } catch (const sluice::PermanentError& error) {
        // A page that is too large for the rest of this run can fit into the next run.
        if (error.code() == "too-large" && may_stop()) return stop();
        throw;
      }
    }
    answer_.position.clear();
    answer_.whole = begin.pages == 0;
  }

  /// Returns whether there is another page.
  bool read_page(Pager& pager, Cursor& cursor, const TakePage& take) {
    const Ask ask = pager.ask();
    const std::optional<HttpResponse> response = get(pager, ask);
    if (!response) return false;
    if (source_.etag) answer_.etag = response->header("etag");
    answer_.not_modified = response->status == 304;
    if (answer_.not_modified) {
      ++answer_.pages;
      return false;
    }
    const std::string name =
        "page " + std::to_string(pager.position().pages + 1) + " of " + ask.url().shown();
    const rapidjson::Document page = parse(*response, name);
    const rapidjson::Value none(rapidjson::kArrayType);
    const rapidjson::Value* const found = response->status == 204 ? &none : records_of(page, name);
    const rapidjson::Value& records = found == nullptr ? none : *found;
    if (pager.repeats(records)) {
      answer_.warnings.push_back(
          name +
          " repeats the page before it, and is treated as the end; if the source has more "
          "pages, page_parameter is wrong");
      return false;
    }
    take(name, records, cursor);
    ++answer_.pages;  // only now: if a page can't be read, the next run starts at it
    answer_.cursor = cursor.text();
    const bool more = pager.advance(ask.url(), page, records, *response);
    Position position = pager.position();
    position.cursor = answer_.cursor;
    answer_.position = to_json(position);
    return more;
  }

  bool may_stop() const { return question_.may_stop && answer_.pages > 0; }
  void stop() { answer_.stopped = true; }

  /// std::nullopt if the source's answer means that the page before was the last.
  std::optional<HttpResponse> get(const Pager& pager, const Ask& ask) {
    const std::string body = ask.body();
    HttpRequest request{ask.url(), "GET", {"Accept: application/json"}, nullptr, bytes_left_, {}, {}};
    if (source_.etag) request.if_none_match = question_.etag;
    if (!body.empty()) {
      request.method = "POST";
      request.body = &body;
      request.headers.emplace_back("Content-Type: application/json");
    }
    try {
      HttpResponse response = client_.send(request, job_);
      bytes_left_ -= response.body.size();
      return response;
    } catch (const sluice::PermanentError& error) {
      if (pager.is_end(error.code())) return std::nullopt;
      throw;
    }
  }

  // Invalid JSON is retried, because a body without a length can be cut off unnoticed. An HTML page is
  // permanent, because it comes from a wrong URL or a login page.
  static rapidjson::Document parse(const HttpResponse& response, const std::string& name) {
    if (response.status == 204) return rapidjson::Document(rapidjson::kNullType);
    const std::string type = response.header("content-type");
    const std::string text = in_utf8(response.body, type);
    if (const auto title = markup_title(text)) {
      throw sluice::PermanentError("html-page",
                                   name + ": found an HTML page" +
                                       (title->empty() ? "" : " with the title '" + *title + "'") +
                                       ", expected JSON; check url and the API's login");
    }
    try {
      return parse_json_or_lines(text, is_lines(type));
    } catch (const BadJson& error) {
      throw Trouble("bad-json", name + ": " + error.what());
    }
  }

  /// nullptr for no records: some servers write null for an empty array.
  const rapidjson::Value* records_of(const rapidjson::Document& page, const std::string& name) const {
    const rapidjson::Value* records = source_.records.Get(page);
    const std::string error = first_error(page);
    if (records != nullptr && records->IsArray()) {
      if (!error.empty()) answer_.warnings.push_back(name + ": the response also has errors: " + error);
      return records;
    }
    if (is_about_pace(error)) throw Trouble("rate-limited", name + ": the source answered " + error);
    const bool failed = page.IsObject() && page.HasMember("errors");
    if (records != nullptr && records->IsNull() && page.IsObject() && !failed) return nullptr;
    throw sluice::PermanentError("bad-response",
                                 name +
                                     ": `records` of the source does not point to an array; the response "
                                     "begins with " +
                                     to_text(page).substr(0, 100));
  }

  [[noreturn]] void too_many_pages() const {
    throw sluice::PermanentError("too-many-pages", source_.endpoint.url.shown() + " has more than " +
                                                       std::to_string(source_.max_pages) +
                                                       " pages; ask for less, or raise max_pages");
  }

  HttpClient& client_;
  const ApiSource& source_;
  const Question& question_;
  const sluice::Job& job_;
  Answer& answer_;
  const Ask first_;
  const Position begin_;
  const Clock::time_point begun_ = Clock::now();
  std::size_t bytes_left_;
};

}  // namespace

void ask(HttpClient& client, const ApiSource& source, const Question& question, const sluice::Job& job,
         Answer& answer, const TakePage& take) {
  Asking(client, source, question, job, answer).ask(take);
}

}  // namespace data_sync
