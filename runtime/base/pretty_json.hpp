// JSON for people.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::base {

/// A stream that RapidJSON's writers write to. It keeps no more than `limit` bytes, because an indented text
/// may be many times longer than the text it is made from: depth by depth.
class BoundedText {
 public:
  using Ch = char;

  explicit BoundedText(std::size_t limit) : limit_(limit) {}
  void Put(char c) {
    if (text_.size() < limit_) {
      text_ += c;
    } else {
      full_ = true;
    }
  }
  void Flush() {}

  const std::string& text() const { return text_; }
  bool full() const { return full_; }  ///< something was left out

 private:
  const std::size_t limit_;
  std::string text_;
  bool full_ = false;
};

/// A text that was cut.
struct Cut {
  std::string text;
  bool cut = false;
};

/// `json` on several lines, its first `limit` bytes. All numbers keep their digits. What is not valid JSON is
/// returned as it is, and cut likewise.
Cut pretty_json(std::string_view json, std::size_t limit, unsigned indent = 4);

}  // namespace sluice::base
