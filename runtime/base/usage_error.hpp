// An error that the user can fix.
#pragma once

#include <stdexcept>

namespace sluice::base {

/// Invalid input from the user: on the command line, in the configuration or in the environment. Exit code 2.
class UsageError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace sluice::base
