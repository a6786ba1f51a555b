// A message as the bytes to send: RFC 5322 and MIME, CRLF line ends, ASCII except for local parts of
// addresses. Both transports use it, because libcurl can't return the output of its own MIME writer.
#pragma once

#include <ctime>
#include <string>

#include "message.hpp"

namespace email {

/// `digest` identifies the job and consists of letters and digits. It is part of the boundaries between
/// parts.
std::string render(const Message& message, const std::string& message_id, const std::string& digest,
                   std::time_t date);

}  // namespace email
