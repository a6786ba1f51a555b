// HTML from what the API answers, and the templates in `templates/`.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

namespace sluice::dashboard {

struct WebFile {
  std::string_view path;  ///< "dashboard/templates/now.html"
  std::string_view text;
};
/// The templates and the built assets, which are in the program.
std::span<const WebFile> web_files();

/// The text of a file, null if there is none of that name: "assets/app.js", "templates/now.html".
const std::string_view* web_file(std::string_view name);

/// The page `name`, filled with the members of the JSON object `model` and with `texts`. Everything is
/// escaped, and what is invisible or reorders text is spelled out, except in members "a_raw", which are added
/// to each text "a" for what a form sends back, in lists "in_a", and in `texts` that are no JSON. The texts
/// of lists "ids" and "types" become objects with "id" and "type". To each number "a" of the model, "a_text"
/// is added, for people: grouped digits; a duration if the name ends in
/// "_seconds", a size if it ends in "_bytes", per cent if it ends in "_part". A count with more to come is "≥
/// 10k". To each number "more_a", "has_more_a" is added. To each list "a", "any_a" is added: whether it has
/// members. To each list of numbers "a", "a_points" is added: a polyline, 100 by 24, with the same scale as
/// the object's other lists.
std::string rendered(std::string_view name, const std::string& model,
                     const std::map<std::string, std::string>& texts, bool with_layout);

/// "4,210"
std::string grouped(long long number);

}  // namespace sluice::dashboard
