#include "postgres/desk/prunes.hpp"

namespace sluice::postgres {

PgPrunes::PgPrunes(const ConnectionString& target, const TableName& table, const std::string& status,
                   job::Microseconds older_than)
    : jobs_(target, table, {}) {
  filter_.statuses = {status};
  filter_.older_than = older_than;
  filter_.unscheduled = true;
}

Pruned PgPrunes::prune(std::size_t limit) {
  const Pruned pruned{jobs_.remove_some(filter_, walk_, limit), walk_.over};
  if (walk_.over) walk_ = {};
  return pruned;
}

}  // namespace sluice::postgres
