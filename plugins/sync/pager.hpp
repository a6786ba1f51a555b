// Page after page of a source: what is asked for the next one, and which one is the last. Nothing here is
// sent.
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

/// What a source is asked.
class Ask {
 public:
  explicit Ask(const ApiSource& source);
  Ask(const Ask& other);
  Ask& operator=(const Ask&) = delete;

  /// Sets a parameter of the query, or where `name` is a JSON pointer a value of the body, in place of what
  /// is there.
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
  /// `first` is what the first page is asked by.
  Pager(const ApiSource& source, const Ask& first, const Position& begin);

  const Position& position() const { return position_; }
  /// What the page at the position is asked by.
  Ask ask() const;
  /// Whether an error with that status is how the source says that there is no such page any more: not where
  /// it has just said that there is more.
  bool is_end(const std::string& code) const;
  /// Whether a page holds what the one before it held: such servers answer so beyond the last page, or to a
  /// parameter that they don't know.
  bool repeats(const rapidjson::Value& records) const;
  /// Counts a page, and moves to the next one; false when it was the last. Throws sluice::PermanentError for
  /// a link that can't be followed.
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
  std::string before_;             // the first and the last record of the page before
};

}  // namespace data_sync
