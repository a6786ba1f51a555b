// The process of a runtime that the database knows of, on this host. Process ids are used again, so it is
// looked at before a signal is sent, and held, so that the signal can't reach another.
#pragma once

#include <string>

#include "base/descriptor.hpp"
#include "store/store.hpp"

namespace sluice::cli {

class RuntimeProcess {
 public:
  /// Looks for the process of a runtime of this host. Where it is not there, trouble() says so.
  explicit RuntimeProcess(const store::RuntimeReport& runtime);

  /// Empty, or why no signal can be sent, in words that follow on "runtime 7".
  const std::string& trouble() const { return trouble_; }
  /// Sends the signal; false, and trouble() says why, where that fails.
  bool send(int signal);

 private:
  std::string find_trouble(const store::RuntimeReport& runtime) const;

  std::string process_;  ///< "process 1234", for sentences
  base::Descriptor held_;
  std::string trouble_;
};

}  // namespace sluice::cli
