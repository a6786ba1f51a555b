// One member of a JSON object as the text that it is, each number digit for digit: parsing would make 1.1 of
// a price of 1.10.
#pragma once

#include <string>
#include <string_view>

namespace notification {

struct MemberText {
  std::string json;        // without blanks; empty when the object has no such member
  bool holds_nul = false;  // in a text or a name, at any depth
};

/// `object` is the text of a JSON object, of any depth: nesting costs no stack.
MemberText member_text(std::string_view object, std::string_view name);

}  // namespace notification
