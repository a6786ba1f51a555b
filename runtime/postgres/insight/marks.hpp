// What may explain a change in outcomes. Inside runtime/postgres only.
#pragma once

#include <pqxx/pqxx>
#include <vector>

#include "postgres/interface.hpp"

namespace sluice::postgres {

std::vector<Mark> read_marks(pqxx::transaction_base& transaction, Time from, Time to);

}  // namespace sluice::postgres
