// Where members that nothing reads are an error, and not only a line in the log.
#pragma once

#include <map>
#include <string>

namespace sluice::job {

struct Strictness {
  bool plugin = false;                ///< its configuration, and the types that are not among `types`
  std::map<std::string, bool> types;  ///< by name

  bool of(const std::string& type) const;
  bool operator==(const Strictness&) const = default;
};

}  // namespace sluice::job
