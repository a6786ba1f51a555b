// What an attempt over SMTP came to: a pure decision. The rule: what is wrong with this mail is permanent;
// what is wrong with the way to the server (network, certificate, password) is retried, since it would
// hit each mail and someone can mend it.
#pragma once

#include <curl/curl.h>

#include <sluice/result.hpp>
#include <string>

#include "dialogue.hpp"

namespace email {

struct Attempt {
  CURLcode code = CURLE_OK;
  std::string error;  // libcurl's words
  Dialogue dialogue;
};

sluice::Result outcome_of(const Attempt& attempt, const std::string& url);

}  // namespace email
