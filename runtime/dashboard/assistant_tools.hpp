// What an assistant may call: the pages, and changes to jobs. Each with its parameters.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json_writer.hpp"
#include "dashboard/operations.hpp"
#include "dashboard/pages.hpp"
#include "dashboard/sessions.hpp"

namespace sluice::dashboard {

/// A value for a parameter is a text, a number as text, or a list of texts.
using Arguments = std::map<std::string, std::vector<std::string>>;

struct Parameter {
  enum class Kind { text, number, texts };
  std::string name;
  std::string description;
  Kind kind = Kind::text;
  bool required = false;
  std::vector<std::string> choices{};  ///< of each text; empty: any
  bool empty = false;                  ///< a text may be empty
};

struct Tool {
  std::string name;
  std::string title;
  std::string description;
  std::vector<Parameter> parameters;
  Role least = Role::view;

  bool reads() const { return least == Role::view; }
};

/// What a caller may do.
struct Rights {
  Visitor visitor;
  std::function<std::vector<std::string>(const std::string& type)> redacts;
};

/// One thread.
class AssistantTools {
 public:
  AssistantTools(Sources sources, Rights rights);

  /// Those that the caller may use.
  const std::vector<Tool>& tools() const { return tools_; }
  /// Returns JSON. Throws Problem4xx, and what a store throws.
  std::string call(const Tool& tool, const Arguments& arguments);

 private:
  std::string show(const Tool& tool, const Arguments& arguments);
  std::string change(const Tool& tool, const std::vector<std::string>& ids);

  Sessions sessions_;
  Operations operations_;
  const Rights rights_;
  const std::vector<Tool> tools_;
};

/// The JSON Schema of the parameters, as members of an object.
void write_schema(base::JsonWriter& writer, const std::vector<Parameter>& parameters);

}  // namespace sluice::dashboard
