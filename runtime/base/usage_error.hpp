// What is the user's to mend.
#pragma once

#include <stdexcept>

namespace sluice::base {

/// What cannot be used as it was given: a command line, a configuration, an environment. Exit code 2.
class UsageError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace sluice::base
