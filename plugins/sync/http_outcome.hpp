// The result of a request over HTTP: pure decisions. A problem of the request is permanent. A problem of the
// network, the server or our credentials is retried.
#pragma once

#include <string>
#include <string_view>

#include "http_client.hpp"

namespace data_sync {

/// In lower case. Converts ASCII only.
std::string lower(std::string_view text);

/// Throws Trouble or sluice::PermanentError unless the status is 2xx. The error quotes the body, or the
/// title of an HTML page, with asterisks instead of `secret`.
void check_status(const HttpResponse& response, const std::string& what, const std::string& secret);

/// The target of rel="next" in a Link header (RFC 8288); empty if there is no such link.
std::string next_link(const std::string& header);

}  // namespace data_sync
