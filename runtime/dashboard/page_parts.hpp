// What several pages are made of.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "dashboard/models.hpp"
#include "dashboard/pages.hpp"

namespace sluice::dashboard {

/// An object under construction.
class Object {
 public:
  Object() : writer_(buffer_) { writer_.StartObject(); }
  JsonWriter& writer() { return writer_; }
  std::string text() {
    writer_.EndObject();
    return {buffer_.GetString(), buffer_.GetSize()};
  }

 private:
  rapidjson::StringBuffer buffer_;
  JsonWriter writer_;
};

/// A part of a page: what `ask` answers, written by `write` as members of `writer`. If the database refuses
/// it, takes too long or is held up by a lock, the member "KEY_problem" says so, and the rest of the page
/// stands. Returns that problem; empty: none.
template <class Ask, class Write>
std::string part(JsonWriter& writer, const std::string& key, Ask ask, Write write) {
  std::string problem;
  try {
    const auto answer = ask();
    write(answer);
    return problem;
  } catch (const store::TimedOut& late) {
    problem = late.what();
  } catch (const store::Refused& refused) {
    problem = refused.what();
  } catch (const store::Unavailable& failed) {
    if (!failed.answered()) throw;  // then no other part is answered either
    problem = failed.what();
  }
  base::member(writer, (key + "_problem").c_str(), problem);
  return problem;
}

store::Time now();

struct Range {
  store::Time from;
  store::Time to;
  std::chrono::seconds step;
};

/// The time that a page shows: "range" is 1h, 6h, 1d, 7d or 30d; or "from" and "to".
Range range_of(const Form& form, const std::string& fallback);

/// What the chart of a series draws, as JSON that may stand in a script element.
std::string chart_of(const store::Series& series, const std::vector<store::Mark>& marks);

void write(JsonWriter& writer, const store::Mark& mark);

/// The outcomes of each step as the points of a polyline, 100 by 24.
std::string sparkline(const store::Series& series);

/// Lines for the marks in the same picture: the "d" of a path.
std::string mark_lines(const store::Series& series, const std::vector<store::Mark>& marks);

/// Whether the visitor may see what is in jobs.
bool sees_payload(const Inquiry& inquiry);

/// The members that a JSON pointer, or names between dots, lead through. Throws Problem4xx if it is invalid.
std::vector<std::string> path_of(const std::string& text);

/// The same of a path that somebody asks for. PostgreSQL takes -2, 00 and +0 for the places of elements, too,
/// so these would lead to a redacted value by another name. Throws Problem4xx for such.
std::vector<std::string> asked_path(const std::string& parameter, const std::string& text);

/// Whether one of the JSON pointers is on the way to the value, or below it.
bool is_hidden(const std::vector<std::string>& path, const std::vector<std::string>& pointers);

}  // namespace sluice::dashboard
