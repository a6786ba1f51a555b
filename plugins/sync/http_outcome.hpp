// What a request over HTTP came to: pure decisions. The rule: what a server says about the request is
// permanent; what is wrong with the way to it, with the server itself or with our credentials is retried.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "http_client.hpp"

namespace data_sync {

/// In small letters, as far as they are ASCII.
std::string lower(std::string_view text);

/// The job's error code for a request that got no whole response.
std::string code_of_transfer(CURLcode code);

/// Throws Trouble or sluice::PermanentError unless the status is 2xx. The error quotes the body, or the title
/// of a page of HTML, with `secret` blotted out.
void check_status(const HttpResponse& response, const std::string& what, const std::string& secret);

/// What a Retry-After header asks for, in seconds or as a date: none without one and for what is neither, a
/// day at most.
std::optional<std::chrono::seconds> delay_of(const std::string& retry_after, std::time_t now);

/// The target of rel="next" in a Link header (RFC 8288); empty when there is none.
std::string next_link(const std::string& header);

}  // namespace data_sync
