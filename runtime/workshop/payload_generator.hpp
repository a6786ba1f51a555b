// Payloads from a JSON Schema, for trying a handler: such as pass the schema, and such as break it
// in one place. The same seed makes the same payloads, on any machine.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace sluice::workshop {

class PayloadGenerator {
 public:
  /// `schema` is JSON, or empty: then anything goes. `example` is a payload that passes, from whose texts
  /// those are taken that a pattern asks for; may be empty.
  PayloadGenerator(const std::string& schema, const std::string& example, std::uint64_t seed);
  ~PayloadGenerator();
  PayloadGenerator(const PayloadGenerator&) = delete;
  PayloadGenerator& operator=(const PayloadGenerator&) = delete;

  /// One that means to pass the schema; where that asks for what can't be made up ("not", odd patterns) it
  /// may break it.
  std::string valid();
  /// One that is wrong in one place: a key missing, a value of another kind, beyond its bounds, text cut off.
  std::string near_valid();

 private:
  class Maker;
  std::unique_ptr<Maker> maker_;
};

}  // namespace sluice::workshop
