#include "pager.hpp"

#include <algorithm>
#include <cstdint>
#include <sluice/result.hpp>
#include <stdexcept>
#include <utility>

#include "cursor.hpp"
#include "http_outcome.hpp"
#include "json.hpp"

namespace data_sync {

namespace {

/// True for null, false, 0, "" and absent values.
bool is_nothing(const rapidjson::Value* value) {
  if (value == nullptr || value->IsNull() || value->IsFalse()) return true;
  const std::string text = plain(*value);
  return text.empty() || text == "0" || text == "false";
}

rapidjson::Document number(std::int64_t value) {
  return parse_json(std::to_string(value));
}

std::string ends_of(const rapidjson::Value& records) {
  if (records.Empty()) return {};
  return std::to_string(records.Size()) + " " + to_text(records[0]) + " " +
         to_text(records[records.Size() - 1]);
}

}  // namespace

Ask::Ask(const ApiSource& source) : url_(std::make_unique<Url>(source.endpoint.url)) {
  if (!source.body.empty()) body_.emplace(parse_json(source.body));
}

Ask::Ask(const Ask& other) : url_(std::make_unique<Url>(*other.url_)) {
  if (other.body_) body_.emplace().CopyFrom(*other.body_, body_->GetAllocator());
}

void Ask::set(const std::string& name, const rapidjson::Value& value) {
  if (name.front() != '/') {
    url_->set_parameter(name, plain(value));
    return;
  }
  rapidjson::Value copy(value, body_->GetAllocator());
  pointer_of(name).Set(*body_, copy);
}

std::string Ask::body() const {
  return body_ ? to_text(*body_) : std::string();
}

Pager::Pager(const ApiSource& source, const Ask& first, const Position& begin)
    : source_(source), first_(first), position_(begin) {}

Ask Pager::ask() const {
  Ask ask(first_);
  switch (source_.paging) {
    case Paging::none:
      break;
    case Paging::page:
      ask.set(source_.page_parameter,
              position_.next.empty() ? number(source_.first_page) : parse_json(position_.next));
      break;
    case Paging::offset:
      ask.set(source_.page_parameter, position_.next.empty() ? number(0) : parse_json(position_.next));
      break;
    case Paging::link:
    case Paging::field:
      if (!position_.next.empty()) ask.follow(Url(position_.next));
      break;
    case Paging::token:
    case Paging::last:
      if (!position_.next.empty()) ask.set(source_.page_parameter, parse_json(position_.next));
      break;
  }
  return ask;
}

bool Pager::is_end(const std::string& code) const {
  return is_counted() && position_.pages > 0 && !more_is_said_ && (code == "http-404" || code == "http-400");
}

bool Pager::repeats(const rapidjson::Value& records) const {
  return is_counted() && !before_.empty() && before_ == ends_of(records);
}

bool Pager::advance(const Url& current, const rapidjson::Document& page, const rapidjson::Value& records,
                    const HttpResponse& response) {
  ++position_.pages;
  position_.records += records.Size();
  more_is_said_ = says_more(page);
  if (is_last(page, records)) return false;
  if (is_counted()) before_ = ends_of(records);
  visited_.insert(position_.next);
  if (source_.paging == Paging::link || source_.paging == Paging::field) visited_.insert(current.text());
  std::string next = this->next(current, page, records, response);
  if (next.empty() || visited_.count(next) != 0) return false;
  position_.next = std::move(next);
  return true;
}

/// Compares the number of records so far with the source's total: negative if there are more. std::nullopt
/// without a total.
std::optional<int> Pager::against_total(const rapidjson::Document& page) const {
  const rapidjson::Value* const total = source_.total ? source_.total->Get(page) : nullptr;
  if (total == nullptr) return std::nullopt;
  return compare_cursors(number(static_cast<std::int64_t>(position_.records)), *total);
}

/// Whether `more` or `total` indicates another page, regardless of the number of records on this one.
bool Pager::says_more(const rapidjson::Document& page) const {
  if (source_.more) return !is_nothing(source_.more->Get(page));
  const auto order = against_total(page);
  return order && *order < 0;
}

bool Pager::is_last(const rapidjson::Document& page, const rapidjson::Value& records) const {
  if (source_.paging == Paging::none) return true;
  if (source_.more && is_nothing(source_.more->Get(page))) return true;
  const bool by_size = is_counted() || source_.paging == Paging::last;
  if (by_size && records.Empty()) return true;
  if (by_size && source_.page_size != 0 && records.Size() < source_.page_size) return true;
  const auto order = against_total(page);
  return order && *order >= 0;
}

std::string Pager::next(const Url& current, const rapidjson::Document& page, const rapidjson::Value& records,
                        const HttpResponse& response) const {
  switch (source_.paging) {
    case Paging::none:
      break;
    case Paging::page:
      return std::to_string(source_.first_page + static_cast<std::int64_t>(position_.pages));
    case Paging::offset:
      return std::to_string(position_.records);
    case Paging::link:
      return resolved(current, next_link(response.header("link")));
    case Paging::field:
      return linked(current, page);
    case Paging::token:
      return token(page, response);
    case Paging::last:
      return last_id(records);
  }
  return {};
}

std::string Pager::linked(const Url& current, const rapidjson::Document& page) const {
  const rapidjson::Value* const link = source_.next.Get(page);
  if (is_nothing(link)) return {};
  const std::string text = plain(*link);
  if (is_text(*link) && text.find_first_of("/?.:") != std::string::npos) return resolved(current, text);
  throw sluice::PermanentError(
      "bad-next", current.shown() + ": `next` points to a token, not a URL: " + text.substr(0, 20) +
                      "...; set paging to token, and page_parameter to its parameter");
}

std::string Pager::token(const rapidjson::Document& page, const HttpResponse& response) const {
  if (!source_.next_header.empty()) {
    const std::string value = response.header(source_.next_header);
    return value.empty() ? value : to_text(text_value(value));
  }
  const rapidjson::Value* const found = source_.next.Get(page);
  return is_nothing(found) ? std::string() : to_text(*found);
}

std::string Pager::last_id(const rapidjson::Value& records) const {
  const rapidjson::Value* const id = source_.last.Get(records[records.Size() - 1]);
  if (id != nullptr && !id->IsNull()) return to_text(*id);
  throw sluice::PermanentError("bad-next",
                               source_.endpoint.url.shown() +
                                   ": the last record of a page has no value at `last`, which is needed to "
                                   "request the next page");
}

std::string Pager::resolved(const Url& current, const std::string& link) const {
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

}  // namespace data_sync
