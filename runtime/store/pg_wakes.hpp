// Waiting for new jobs, with LISTEN.
#pragma once

#include "base/descriptor.hpp"
#include "store/pg_link.hpp"
#include "store/store.hpp"
#include "store/table_name.hpp"

namespace sluice::store {

class PgWakes : public WakeSession {
 public:
  PgWakes(const ConnectionString& target, const TableName& table);

  bool want(RuntimeId runtime, bool wanted) override;
  std::int64_t wait(std::chrono::milliseconds timeout) override;
  void interrupt() override;

 private:
  const std::string trigger_query_;
  base::Descriptor interrupted_;  ///< an eventfd
  Link link_;
};

}  // namespace sluice::store
