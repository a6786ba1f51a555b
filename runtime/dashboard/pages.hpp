// The pages: each asks the store and says what it found as JSON, which the API answers and the templates
// show.
#pragma once

#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "dashboard/access.hpp"
#include "dashboard/form.hpp"
#include "dashboard/operations.hpp"
#include "dashboard/reloads.hpp"
#include "dashboard/services.hpp"
#include "dashboard/sessions.hpp"
#include "store/insight.hpp"

namespace sluice::dashboard {

/// A request that can't be answered, as an HTTP status and a sentence.
class Problem4xx : public std::runtime_error {
 public:
  /// `parameter`: the one that is wrong, if it is one.
  Problem4xx(int status, const std::string& what, std::string parameter = "")
      : std::runtime_error(what), status_(status), parameter_(std::move(parameter)) {}
  int status() const { return status_; }
  const std::string& parameter() const { return parameter_; }

 private:
  int status_;
  std::string parameter_;
};

struct Model {
  std::string json;                            ///< an object
  std::map<std::string, std::string> texts{};  ///< for the template alone
  std::string view{};                          ///< an object, for the template alone; empty: none
};

/// What a page needs.
struct Inquiry {
  Session& session;
  const Operations& operations;
  const Visitor& visitor;
  const Form& form;
  std::string name;  ///< the id or type in the path
  /// The JSON pointers of values that nobody sees, by the job's type.
  const std::function<std::vector<std::string>(const std::string& type)>& redacts;
  const Services* services = nullptr;  ///< null: none
  const Reloads* reloads = nullptr;    ///< null: none
};

Model now_page(const Inquiry& inquiry);
Model types_page(const Inquiry& inquiry);
Model type_page(const Inquiry& inquiry);
Model jobs_page(const Inquiry& inquiry);
/// The form of page Jobs alone, with its values and what is wrong with them.
Model jobs_form(const Form& form, const Problem4xx& problem);
Model job_page(const Inquiry& inquiry);
Model failures_page(const Inquiry& inquiry);
Model plugins_page(const Inquiry& inquiry);
Model runtimes_page(const Inquiry& inquiry);
Model audit_page(const Inquiry& inquiry);
Model operations_page(const Inquiry& inquiry);
Model operation_page(const Inquiry& inquiry);
Model why_page(const Inquiry& inquiry);
/// How many jobs a change of many would meet, before it begins.
Model plan_page(const Inquiry& inquiry);

/// The jobs that a form names. Throws Problem4xx.
store::JobQuery query_of(const Form& form);
/// The same for a change of many jobs. Throws Problem4xx if the form has what such a change can't do.
store::JobFilter filter_of(const Form& form);

/// The number in the path of an operation. Throws Problem4xx.
int operation_number(const std::string& text);

/// The change of many jobs that "retry", "delete" or "give_up" names. Throws Problem4xx if it is unknown, or
/// can't be done to the jobs of the filter.
Change change_of(const std::string& action, const store::JobFilter& filter);
std::string name_of(Change change);

/// "2026-01-31T12:00", "2026-01-31T12:00:00.000Z", in UTC. Throws Problem4xx.
store::Time parse_time(const std::string& parameter, const std::string& text);

}  // namespace sluice::dashboard
