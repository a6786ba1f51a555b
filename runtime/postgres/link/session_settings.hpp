// What our statements depend on and a role, a database or a server may set otherwise: one list, set by each
// session for itself, or, through a pool whose sessions are somebody else's, for each transaction.
#pragma once

#include <string>

namespace sluice::postgres {

/// Sets all of it for the session that runs it.
std::string session_settings();

/// Sets it again until the transaction ends, after somebody else's statements in it.
std::string restored_settings();

/// The same for one transaction, whose first statement it has to be; leaves the session as it was.
std::string transaction_settings();

}  // namespace sluice::postgres
