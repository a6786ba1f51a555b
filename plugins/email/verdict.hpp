// The meaning of a server's refusal for a job: a pure decision. A problem of this mail or its recipient is
// final. A problem of our account, the server or the network is retried, whatever its code, because it would
// affect every mail and somebody can fix it.
#pragma once

#include <string>
#include <string_view>

#include "dialogue.hpp"

namespace email {

struct Verdict {
  bool is_final;
  std::string hint;  // what to check; can be empty
};

/// `command` is the refused command, as in Dialogue::refused().
Verdict verdict_on(std::string_view command, const Reply& reply);

}  // namespace email
