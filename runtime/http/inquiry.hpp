// Asks a runtime's HTTP server for one page, as `sluice health api` does.
#pragma once

#include <chrono>
#include <string>

#include "base/address.hpp"

namespace sluice::http {

struct Answer {
  int status = 0;  ///< 0 if there was no answer; `problem` says why
  std::string body;
  std::string problem;
};

/// Never throws because of what the other side does. Waits for at most `patience` in each step.
Answer ask(const base::Address& address, const std::string& path, std::chrono::milliseconds patience);

}  // namespace sluice::http
