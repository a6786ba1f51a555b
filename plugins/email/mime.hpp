// A message as the bytes that go over the wire: RFC 5322 and MIME, CRLF line ends, ASCII but for local parts
// of addresses that are not. Both transports use it: libcurl has no way to show what its own MIME writer
// would send.
#pragma once

#include <ctime>
#include <string>

#include "message.hpp"

namespace email {

/// `digest` is the job's own, of letters and digits: the boundaries between the parts are made of it.
std::string render(const Message& message, const std::string& message_id, const std::string& digest,
                   std::time_t date);

}  // namespace email
