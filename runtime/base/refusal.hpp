// Why a plugin was refused, as one sentence: file, what was found, what was expected, what to do.
#pragma once

#include <stdexcept>
#include <string>

namespace sluice::base {

class Refusal : public std::runtime_error {
 public:
  Refusal(const std::string& found, const std::string& expected, const std::string& remedy)
      : std::runtime_error("found " + found + ", expected " + expected + "; " + remedy) {}
};

}  // namespace sluice::base
