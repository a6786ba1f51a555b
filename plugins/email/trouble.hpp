// A failure that may be temporary. If it is thrown in the handler, the attempt ends with a retry.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace email {

class Trouble : public std::runtime_error {
 public:
  Trouble(std::string code, const std::string& message)
      : std::runtime_error(message), code_(std::move(code)) {}
  const std::string& code() const noexcept { return code_; }

 private:
  std::string code_;
};

}  // namespace email
