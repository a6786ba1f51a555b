// The SQL function that runs a plugin's effects under the role that the operator granted to it.
#pragma once

#include <string>

namespace sluice::postgres {

/// Its quoted name.
std::string effect_function(const std::string& role);

/// Creates it if it is missing. It belongs to the role and runs with the role's rights (SECURITY DEFINER).
/// Unlike after SET ROLE, a statement inside it can neither change the role back nor end the transaction.
std::string effect_function_creation(const std::string& role);

}  // namespace sluice::postgres
