// The SQL function through which producers in any language enqueue.
#pragma once

#include <string>

#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

/// Creates sluice.enqueue, and sluice.enqueue_job, which also tells whether the job existed before.
std::string enqueue_function(const TableName& table);

}  // namespace sluice::postgres
