#include "api_source.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "http_outcome.hpp"
#include "json.hpp"
#include "trouble.hpp"

namespace data_sync {

namespace {

std::string plain(const rapidjson::Value& value) {
  return value.IsString() ? std::string(value.GetString(), value.GetStringLength()) : to_text(value);
}

bool is_less(const rapidjson::Value& a, const rapidjson::Value& b) {
  if (a.IsString()) return plain(a) < plain(b);
  if (a.IsInt64() && b.IsInt64()) return a.GetInt64() < b.GetInt64();
  return a.GetDouble() < b.GetDouble();
}

/// The largest cursor among the records.
class Cursor {
 public:
  explicit Cursor(const std::optional<rapidjson::Pointer>& pointer) : pointer_(pointer) {}

  void see(const rapidjson::Value& record, const std::string& place) {
    if (!pointer_) return;
    const rapidjson::Value* found = pointer_->Get(record);
    const bool usable = found != nullptr && (found->IsString() || found->IsNumber());
    if (!usable || (!largest_.IsNull() && found->IsString() != largest_.IsString())) {
      throw sluice::PermanentError("bad-cursor", place +
                                                     ": its cursor is neither a string nor a number, or not "
                                                     "what the others have; correct cursor of the source");
    }
    if (largest_.IsNull() || is_less(largest_, *found)) largest_.CopyFrom(*found, largest_.GetAllocator());
  }
  std::string text() const { return largest_.IsNull() ? std::string() : to_text(largest_); }

 private:
  const std::optional<rapidjson::Pointer>& pointer_;
  rapidjson::Document largest_;
};

class Asking {
 public:
  Asking(HttpClient& client, const ApiSource& source, const sluice::Job& job)
      : client_(client), source_(source), job_(job), bytes_left_(source.endpoint.max_bytes) {}

  Answer ask(const Question& question, const TakeRecord& take) {
    Answer answer;
    Cursor cursor(source_.cursor);
    const Url first = first_url(question);
    for (std::string next = with_page(first, 0).text(); !next.empty();) {
      const Url url(next);
      if (answer.pages == source_.max_pages) too_many_pages();
      const HttpResponse response = get(url, question.etag);
      ++answer.pages;
      if (response.status == 304) {
        answer.not_modified = true;
        break;
      }
      answer.etag = response.etag;
      const std::string place = "page " + std::to_string(answer.pages) + " of " + url.shown();
      const rapidjson::Document page = parse(response.body, place);
      const rapidjson::Value& records = records_of(page, place);
      for (rapidjson::SizeType i = 0; i < records.Size(); ++i) {
        const std::string record_place = "record " + std::to_string(i) + " of " + place;
        take(records[i], record_place);
        cursor.see(records[i], record_place);
      }
      records_ += records.Size();
      next = next_url(first, url, page, records, response);
    }
    answer.cursor = cursor.text();
    return answer;
  }

 private:
  Url first_url(const Question& question) const {
    Url url = source_.endpoint.url;
    for (const auto& [name, value] : question.parameters) {
      const auto& allowed = source_.parameters;
      if (std::find(allowed.begin(), allowed.end(), name) == allowed.end()) {
        throw sluice::PermanentError("bad-payload", "payload /data/parameters: '" + name +
                                                        "' is not among the parameters of the source");
      }
      url.add_parameter(name, value);
    }
    if (source_.cursor && !question.cursor.empty()) {
      url.add_parameter(source_.cursor_parameter, plain(parse_json(question.cursor)));
    }
    return url;
  }

  Url with_page(const Url& first, std::size_t pages) const {
    Url url = first;
    if (source_.paging == Paging::page) {
      const std::int64_t page = source_.first_page + static_cast<std::int64_t>(pages);
      url.add_parameter(source_.page_parameter, std::to_string(page));
    } else if (source_.paging == Paging::offset) {
      url.add_parameter(source_.page_parameter, std::to_string(records_));
    }
    return url;
  }

  HttpResponse get(const Url& url, const std::string& etag) {
    const HttpRequest request{url,     "GET",       {"Accept: application/json"},
                              nullptr, bytes_left_, source_.etag ? etag : ""};
    HttpResponse response = client_.send(request, job_);
    bytes_left_ -= response.body.size();
    return response;
  }

  // A body can be cut where neither its length nor its end is announced, or come from something on the way.
  static rapidjson::Document parse(const std::string& body, const std::string& place) {
    try {
      return parse_json(body);
    } catch (const BadJson& error) {
      throw Trouble("bad-json", place + ": " + error.what());
    }
  }

  const rapidjson::Value& records_of(const rapidjson::Document& page, const std::string& place) const {
    const rapidjson::Value* records = source_.records.Get(page);
    if (records != nullptr && records->IsArray()) return *records;
    throw sluice::PermanentError("bad-response",
                                 place +
                                     ": no array of records where the source's `records` points; it begins "
                                     "with " +
                                     to_text(page).substr(0, 100));
  }

  /// Empty after the last page.
  std::string next_url(const Url& first, const Url& current, const rapidjson::Document& page,
                       const rapidjson::Value& records, const HttpResponse& response) {
    ++pages_;
    switch (source_.paging) {
      case Paging::none:
        return {};
      case Paging::page:
      case Paging::offset:
        return records.Empty() ? std::string() : with_page(first, pages_).text();
      case Paging::link:
        return resolved(current, next_link(response.link));
      case Paging::field:
        break;
    }
    const rapidjson::Value* link = source_.next.Get(page);
    if (link == nullptr || link->IsNull()) return {};
    if (!link->IsString())
      throw sluice::PermanentError("bad-next", current.shown() + ": its next link is no text");
    return resolved(current, plain(*link));
  }

  std::string resolved(const Url& current, const std::string& link) const {
    if (link.empty()) return {};
    try {
      const Url next = current.resolved(link);
      check_allowed(source_.endpoint, next);
      return next.text();
    } catch (const std::invalid_argument& error) {
      throw sluice::PermanentError("bad-next",
                                   current.shown() + ": its next link can't be followed: " + error.what());
    }
  }

  [[noreturn]] void too_many_pages() const {
    throw sluice::PermanentError("too-many-pages", source_.endpoint.url.shown() + " has more than " +
                                                       std::to_string(source_.max_pages) +
                                                       " pages; ask for less, or raise max_pages");
  }

  HttpClient& client_;
  const ApiSource& source_;
  const sluice::Job& job_;
  std::size_t bytes_left_;
  std::size_t pages_ = 0;
  std::size_t records_ = 0;
};

}  // namespace

Answer ask(HttpClient& client, const ApiSource& source, const Question& question, const sluice::Job& job,
           const TakeRecord& take) {
  return Asking(client, source, job).ask(question, take);
}

}  // namespace data_sync
