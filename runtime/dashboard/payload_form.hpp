// A form for a payload, made from the schema of its type: a field for each member that a person can write on
// a line, and JSON for the others.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dashboard/form.hpp"
#include "dashboard/services.hpp"

namespace sluice::dashboard {

struct PayloadField {
  enum class Kind { text, whole, number, truth, choice, json };
  std::string name;
  Kind kind = Kind::json;
  bool required = false;
  std::string description;           ///< the schema's title and description
  std::string format;                ///< the schema's, such as "email"
  std::vector<std::string> choices;  ///< of a choice, as JSON
  std::string value;                 ///< as written; of a choice the JSON
  std::string problem;               ///< why it can't be sent
};

/// The fields of a schema's members, those that must be there first. Empty if it describes no object by
/// properties, or has so many that a form is no help.
std::vector<PayloadField> fields_of(const std::string& schema);

/// Takes over what a form has: the field "field.NAME" for each. False if it has none of them.
bool fill(std::vector<PayloadField>& fields, const Form& form);

/// The object that the fields make. A field that is empty is left out. Sets the problem of each field that is
/// not what it should be; then nullopt.
std::optional<std::string> payload_of(std::vector<PayloadField>& fields);

/// Gives each problem to its field. Returns those that belong to none.
std::vector<PayloadProblem> assign(std::vector<PayloadField>& fields, std::vector<PayloadProblem> problems);

/// A JSON object for the page's template.
std::string view_of(const std::vector<PayloadField>& fields);

}  // namespace sluice::dashboard
