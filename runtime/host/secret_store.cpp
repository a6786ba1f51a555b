#include "host/secret_store.hpp"

#include <string_view>

namespace sluice::host {

std::int32_t SecretStore::get(const sluice_secrets* secrets, sluice_str name, sluice_str* value) noexcept {
  const auto& self = *static_cast<const SecretStore*>(secrets->host_data);
  const std::string_view wanted(name.data == nullptr ? "" : name.data, name.size);
  const auto found = self.secrets_.find(wanted);
  if (found == self.secrets_.end()) return 1;
  *value = {found->second.data(), found->second.size()};
  return 0;
}

}  // namespace sluice::host
