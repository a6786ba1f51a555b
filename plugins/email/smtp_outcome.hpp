// What an attempt over SMTP came to: a pure decision.
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

/// Of an attempt that brought the mail to nobody.
sluice::Result outcome_of(const Attempt& attempt, const std::string& url);

}  // namespace email
