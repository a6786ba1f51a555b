// A JSON document as values, read once for everything that a schema needs. Numbers may have any size. A deep
// or long document can't make comparisons slow or overflow the stack.
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

/// A value is nested too deep.
class TooDeep : public std::runtime_error {
 public:
  static constexpr int limit = 1'000;
  TooDeep() : std::runtime_error("nested deeper than " + std::to_string(limit) + " levels") {}
};

/// Reads documents one after the other into the same memory. Not thread-safe.
class JsonTree {
 public:
  struct Failure {
    std::size_t at = 0;  ///< the byte where the JSON becomes invalid
    std::string reason;
  };

  JsonTree() : pool_(memory_.data(), memory_.size()), root_(&pool_) {}
  JsonTree(const JsonTree&) = delete;
  JsonTree& operator=(const JsonTree&) = delete;

  /// Replaces the previous document. Returns false if `json` is not valid JSON; then failure() says why.
  bool read(std::string_view json);
  /// Frees the memory of the document.
  void clear();
  rapidjson::Value& root() { return root_; }
  const Failure& failure() const { return failure_; }
  /// The document contains a null.
  bool has_null() const { return root_.nulls > 0; }

 private:
  using Pool = rapidjson::MemoryPoolAllocator<>;

  /// Stores each number as the narrowest of int64, uint64 and double that holds it. Numbers beyond a double
  /// count as the largest one of their sign.
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

/// Equal in the sense of JSON Schema: 1 equals 1.0, and the order of members does not matter. Throws TooDeep.
bool same(const rapidjson::Value& a, const rapidjson::Value& b, int depth = 0);
/// A hash: equal values have equal ones. Throws TooDeep.
std::uint64_t hash_of(const rapidjson::Value& value, int depth = 0);

}  // namespace sluice::host
