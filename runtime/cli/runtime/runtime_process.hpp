// The process on this host of a runtime that is registered in the database. Process ids are reused. So the
// process is opened, then checked, and the signal goes to the open process.
#pragma once

#include <cstdint>
#include <string>

#include "base/descriptor.hpp"
#include "store/store.hpp"

namespace sluice::cli {

class RuntimeProcess {
 public:
  /// Looks for the process of a runtime on this host. If it does not exist, trouble() says so.
  explicit RuntimeProcess(const store::RuntimeReport& runtime);

  /// Empty, or why no signal can be sent, as a predicate for "runtime 7".
  const std::string& trouble() const { return trouble_; }
  /// Sends the signal. False if that fails; trouble() says why.
  bool send(int signal);
  /// The same with a value. A process that does not catch the signal, which would end it, gets none.
  bool send(int signal, std::uint64_t value);

 private:
  bool catches(int signal) const;
  std::string find_trouble(const store::RuntimeReport& runtime) const;

  int pid_;
  std::string process_;  ///< "process 1234", for sentences
  base::Descriptor held_;
  std::string trouble_;
};

}  // namespace sluice::cli
