// What can be asked of the pages and of the API, and with which parameters. Whatever a request has that is
// not here is refused: a misspelt filter that nobody reads would mean all jobs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dashboard/form.hpp"

namespace sluice::dashboard {

/// A parameter: a field of the query, or of the body of a POST.
struct RequestField {
  std::string_view name;                    ///< "field.*": each name that begins so
  std::vector<std::string_view> choices{};  ///< of each value; empty: any
  bool many = false;                        ///< it may be repeated
  bool empty = false;                       ///< its value may be empty
  bool page_only = false;
};

enum class Side { both, page, api };

struct Endpoint {
  std::string_view method;
  std::string_view path;  ///< "*" stands for one name
  std::vector<RequestField> fields{};
  Side side = Side::both;
};

const std::vector<Endpoint>& endpoints();

/// The endpoint of a method and the parts of a path. Throws Problem4xx: 404 if there is no such path, 405 if
/// it takes other methods.
const Endpoint& endpoint_of(const std::string& method, const std::vector<std::string>& parts, bool is_api);

/// The methods that a path takes, "GET, POST"; empty if there is no such path.
std::string methods_of(const std::vector<std::string>& parts, bool is_api);

/// Throws Problem4xx, which names the parameter and what is known, if the form has an unknown one, several of
/// one that is meant once, or one whose value is none of its choices or no text. A field of a page that was
/// left empty counts as absent.
void check(const Form& form, const Endpoint& endpoint, bool is_api);

/// The same for what names the jobs of a change of many. `strict`: no value may be empty.
void check_filter(const Form& form, bool strict);

/// Whether the parts of a path match one with "*".
bool is_path(std::string_view path, const std::vector<std::string>& parts);

/// The parts of a path between its slashes, decoded.
std::vector<std::string> parts_of(std::string_view path);

}  // namespace sluice::dashboard
