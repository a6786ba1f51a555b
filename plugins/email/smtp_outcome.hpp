// The result of an attempt over SMTP: a pure decision.
#pragma once

#include <curl/curl.h>

#include <sluice/result.hpp>
#include <string>

#include "dialogue.hpp"

namespace email {

struct Attempt {
  CURLcode code = CURLE_OK;
  std::string error;  // libcurl's message
  Dialogue dialogue;
};

/// The job's result. `url` is for its error.
sluice::Result outcome_of(const Attempt& attempt, const std::string& url);

}  // namespace email
