// Settings on which our statements depend, and which a role, a database or a server may set otherwise. It is
// one list. Each session sets it for itself or, through a pool whose sessions belong to others, for each
// transaction.
#pragma once

#include <string>

namespace sluice::postgres {

/// Sets all of it for the session that runs it.
std::string session_settings();

/// Sets it again until the transaction ends, after other code's statements in it.
std::string restored_settings();

/// The same for one transaction, in which it has to be the first statement. Leaves the session as it was.
std::string transaction_settings();

}  // namespace sluice::postgres
