// What a server's refusal means for a job: a pure decision. The rule: what is wrong with this mail or its
// recipient is final; what is wrong with our account, the server, or the way to it is tried again, however
// its code looks, since it would hit each mail and someone can mend it.
#pragma once

#include <string>
#include <string_view>

#include "dialogue.hpp"

namespace email {

struct Verdict {
  bool is_final;
  std::string hint;  // what to look at; may be empty
};

/// `command` is what the server answered, as in Dialogue::refused().
Verdict verdict_on(std::string_view command, const Reply& reply);

}  // namespace email
