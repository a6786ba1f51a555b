// What a request over HTTP came to: pure decisions. The rule: what a server says about the request is
// permanent; what is wrong with the way to it, with the server itself or with our credentials is retried.
#pragma once

#include <string>
#include <string_view>

#include "http_client.hpp"

namespace data_sync {

/// In small letters, as far as they are ASCII.
std::string lower(std::string_view text);

/// Throws Trouble or sluice::PermanentError unless the status is 2xx. The error quotes the body, or the title
/// of a page of HTML, with `secret` blotted out.
void check_status(const HttpResponse& response, const std::string& what, const std::string& secret);

/// The target of rel="next" in a Link header (RFC 8288); empty when there is none.
std::string next_link(const std::string& header);

}  // namespace data_sync
