// One member of a JSON object as text, with each number digit for digit: parsing would turn a price of 1.10
// into 1.1.
#pragma once

#include <string>
#include <string_view>

namespace notification {

struct MemberText {
  std::string json;        // without blanks; empty if the object does not have the member
  bool holds_nul = false;  // in a text or a name, at any depth
};

/// `object` is the text of a JSON object of any depth. Nesting does not use stack.
MemberText member_text(std::string_view object, std::string_view name);

}  // namespace notification
