#include "postgres/schema/effect_function.hpp"

#include "postgres/link/table_name.hpp"
#include "postgres/sql.hpp"

namespace sluice::postgres {

namespace {

constexpr int most_parameters = 32;  // SLUICE_MOST_PARAMETERS of the plugin API

}  // namespace

std::string effect_function(const std::string& role) {
  return "sluice." + quoted_identifier("as " + role);
}

std::string effect_function_creation(const std::string& role) {
  std::string parameters;
  for (int i = 1; i <= most_parameters; ++i) {
    parameters += (i > 1 ? ", parameters[" : "parameters[") + std::to_string(i) + "]";
  }
  return sql("effect_function", {{"parameters", parameters},
                                 {"function_literal", quoted_literal(effect_function(role))},
                                 {"role_literal", quoted_literal(quoted_identifier(role))},
                                 {"function", effect_function(role)},
                                 {"role", quoted_identifier(role)}}) +
         "\n";
}

}  // namespace sluice::postgres
