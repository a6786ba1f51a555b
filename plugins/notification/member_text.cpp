#include "member_text.hpp"

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstddef>
#include <cstdint>

namespace notification {

namespace {

/// Gets the object's tokens from the reader, and writes those that belong to the member.
class Listener {
 public:
  explicit Listener(std::string_view name) : name_(name) {}

  bool Null() {
    return scalar([&] { return writer_.Null(); });
  }
  bool Bool(bool value) {
    return scalar([&] { return writer_.Bool(value); });
  }
  bool RawNumber(const char* digits, rapidjson::SizeType size, bool) {
    return scalar([&] { return writer_.RawValue(digits, size, rapidjson::kNumberType); });
  }
  bool String(const char* text, rapidjson::SizeType size, bool) {
    return scalar([&] {
      look_for_nul({text, size});
      return writer_.String(text, size);
    });
  }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    if (depth_ == 1) {
      wanted_ = std::string_view(text, size) == name_;
      return true;
    }
    if (!wanted_) return true;
    look_for_nul({text, size});
    return writer_.Key(text, size);
  }
  bool StartObject() {
    return begins([&] { return writer_.StartObject(); });
  }
  bool EndObject(rapidjson::SizeType members) {
    return ends([&] { return writer_.EndObject(members); });
  }
  bool StartArray() {
    return begins([&] { return writer_.StartArray(); });
  }
  bool EndArray(rapidjson::SizeType elements) {
    return ends([&] { return writer_.EndArray(elements); });
  }

  // kParseNumbersAsStringsFlag: the reader calls RawNumber only.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }

  MemberText result() const { return {{buffer_.GetString(), buffer_.GetSize()}, holds_nul_}; }

 private:
  template <class Write>
  bool scalar(Write write) {
    return !wanted_ || (fresh(), write());
  }
  template <class Write>
  bool begins(Write write) {
    const bool written = depth_ == 0 || !wanted_ || (fresh(), write());
    ++depth_;
    return written;
  }
  template <class Write>
  bool ends(Write write) {
    --depth_;
    return depth_ == 0 || !wanted_ || write();
  }
  // If the name occurs twice, the last member counts.
  void fresh() {
    if (depth_ != 1) return;
    buffer_.Clear();
    writer_.Reset(buffer_);
    holds_nul_ = false;
  }
  void look_for_nul(std::string_view text) {
    if (text.find('\0') != std::string_view::npos) holds_nul_ = true;
  }

  const std::string_view name_;
  std::size_t depth_ = 0;
  bool wanted_ = false;  // whether the next token belongs to the member
  bool holds_nul_ = false;
  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_{buffer_};
};

}  // namespace

MemberText member_text(std::string_view object, std::string_view name) {
  constexpr unsigned flags = rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag;
  rapidjson::MemoryStream stream(object.data(), object.size());
  rapidjson::Reader reader;
  Listener listener(name);
  reader.Parse<flags>(stream, listener);
  return listener.result();
}

}  // namespace notification
