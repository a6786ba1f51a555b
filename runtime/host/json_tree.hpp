// A JSON document as values, read once for all that a schema asks of it: of any size of numbers, and with
// comparisons that a deep or long document can't make slow or overflow the stack with.
#pragma once

#include <rapidjson/document.h>
#include <sluice/detail/json_text.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sluice::host {

/// A value is nested deeper than is followed.
class TooDeep : public std::runtime_error {
 public:
  static constexpr int limit = 1'000;
  TooDeep() : std::runtime_error("nested deeper than " + std::to_string(limit) + " levels") {}
};

/// Reads documents one after the other, in the same memory. Not thread-safe.
class JsonTree {
 public:
  struct Failure {
    std::size_t at = 0;  ///< the byte where it stops to be JSON
    std::string reason;
  };

  JsonTree() : pool_(memory_.data(), memory_.size()), root_(&pool_) {}
  JsonTree(const JsonTree&) = delete;
  JsonTree& operator=(const JsonTree&) = delete;

  /// Replaces what was read before. False when `json` is no JSON: failure() says why.
  bool read(std::string_view json);
  /// Gives back the memory of what was read.
  void clear();
  rapidjson::Value& root() { return root_; }
  const Failure& failure() const { return failure_; }
  /// Somewhere in it is a null.
  bool has_null() const { return root_.nulls > 0; }

 private:
  using Pool = rapidjson::MemoryPoolAllocator<>;

  /// Takes each number as the narrowest of int64, uint64 and double that holds it; those beyond a double
  /// count as the largest of their sign.
  struct Root : rapidjson::Document {
    using rapidjson::Document::Document;
    bool Null();
    bool Double(double value);
    bool RawNumber(const char* text, rapidjson::SizeType size, bool copy);
    template <unsigned flags>
    rapidjson::ParseResult parse(std::string_view json);
    std::size_t nulls = 0;
  };

  std::array<char, std::size_t{16} * 1024> memory_;
  Pool pool_;
  Root root_;
  Failure failure_;
};

inline std::string_view view(const rapidjson::Value& text) {
  return {text.GetString(), text.GetStringLength()};
}

/// Equal as JSON Schema has it: 1 is 1.0, and the order of members means nothing. Throws TooDeep.
bool same(const rapidjson::Value& a, const rapidjson::Value& b, int depth = 0);
/// Of values that are the same, the same. Throws TooDeep.
std::uint64_t hash_of(const rapidjson::Value& value, int depth = 0);

}  // namespace sluice::host
