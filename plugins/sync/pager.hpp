// The pages of a source: the request for the next one, and which one is the last. Nothing is sent here.
#pragma once

#include <rapidjson/document.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "config.hpp"
#include "http_client.hpp"
#include "position.hpp"

namespace data_sync {

/// A request to a source.
class Ask {
 public:
  explicit Ask(const ApiSource& source);
  Ask(const Ask& other);
  Ask& operator=(const Ask&) = delete;

  /// Sets a parameter of the query, or a value of the body if `name` is a JSON pointer. Replaces an existing
  /// one.
  void set(const std::string& name, const rapidjson::Value& value);
  void follow(const Url& url) { url_ = std::make_unique<Url>(url); }

  const Url& url() const { return *url_; }
  /// JSON text; empty for a GET.
  std::string body() const;

 private:
  std::unique_ptr<Url> url_;
  std::optional<rapidjson::Document> body_;
};

class Pager {
 public:
  /// `first` is the request for the first page.
  Pager(const ApiSource& source, const Ask& first, const Position& begin);

  const Position& position() const { return position_; }
  /// The request for the page at the position.
  Ask ask() const;
  /// Whether an error with that code means that the page before was the last. Not if the source has just
  /// indicated that there are more.
  bool is_end(const std::string& code) const;
  /// Whether a page repeats the one before it. Some servers answer so after the last page, or if they do not
  /// know the parameter.
  bool repeats(const rapidjson::Value& records) const;
  /// Counts a page, and moves to the next one. Returns false if it was the last. Throws
  /// sluice::PermanentError if the link to the next page is invalid or not allowed.
  bool advance(const Url& current, const rapidjson::Document& page, const rapidjson::Value& records,
               const HttpResponse& response);

 private:
  bool is_counted() const { return source_.paging == Paging::page || source_.paging == Paging::offset; }
  std::optional<int> against_total(const rapidjson::Document& page) const;
  bool says_more(const rapidjson::Document& page) const;
  bool is_last(const rapidjson::Document& page, const rapidjson::Value& records) const;
  std::string next(const Url& current, const rapidjson::Document& page, const rapidjson::Value& records,
                   const HttpResponse& response) const;
  std::string linked(const Url& current, const rapidjson::Document& page) const;
  std::string token(const rapidjson::Document& page, const HttpResponse& response) const;
  std::string last_id(const rapidjson::Value& records) const;
  std::string resolved(const Url& current, const std::string& link) const;

  const ApiSource& source_;
  const Ask& first_;
  Position position_;
  bool more_is_said_ = false;
  std::set<std::string> visited_;  // positions
  std::string before_;             // size, first and last record of the page before
};

}  // namespace data_sync
