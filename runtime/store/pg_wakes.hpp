// Waiting for new jobs, with LISTEN.
#pragma once

#include "base/descriptor.hpp"
#include "store/pg_link.hpp"
#include "store/store.hpp"

namespace sluice::store {

class PgWakes : public WakeSession {
 public:
  explicit PgWakes(const ConnectionString& target);

  void want(RuntimeId runtime, bool wanted) override;
  std::int64_t wait(std::chrono::milliseconds timeout) override;
  void interrupt() override;

 private:
  base::Descriptor interrupted_;  ///< an eventfd
  Link link_;
};

}  // namespace sluice::store
