// The secrets that were granted to the plugin, for the functions behind sluice_secrets. It is filled before
// init, and any thread may read it from then on.
#pragma once

#include <sluice/extensions.h>

#include <utility>

#include "job/secrets.hpp"

namespace sluice::host {

class SecretStore {
 public:
  SecretStore() = default;
  SecretStore(const SecretStore&) = delete;
  SecretStore& operator=(const SecretStore&) = delete;

  void take(job::Secrets secrets) { secrets_ = std::move(secrets); }
  bool empty() const { return secrets_.empty(); }
  const sluice_secrets* extension() const { return &table_; }

 private:
  static std::int32_t get(const sluice_secrets* secrets, sluice_str name, sluice_str* value) noexcept;

  job::Secrets secrets_;
  const sluice_secrets table_{sizeof(sluice_secrets), 0, this, get};
};

}  // namespace sluice::host
