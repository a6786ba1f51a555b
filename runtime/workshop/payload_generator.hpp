// Makes payloads from a JSON Schema, for trying a handler: some pass the schema, others violate it in one
// place. The same seed makes the same payloads on any machine.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace sluice::workshop {

class PayloadGenerator {
 public:
  /// `schema` is JSON, or empty for any payload. `example` is a payload that passes, or empty. Its strings
  /// are used for those that have to match a pattern.
  PayloadGenerator(const std::string& schema, const std::string& example, std::uint64_t seed);
  ~PayloadGenerator();
  PayloadGenerator(const PayloadGenerator&) = delete;
  PayloadGenerator& operator=(const PayloadGenerator&) = delete;

  /// A payload that is meant to pass the schema. It may not, if the schema requires something that can't be
  /// generated ("not", odd patterns).
  std::string valid();
  /// A payload that is wrong in one place: a key is missing, a value has another kind or is out of bounds,
  /// text is cut off.
  std::string near_valid();

 private:
  class Maker;
  std::unique_ptr<Maker> maker_;
};

}  // namespace sluice::workshop
