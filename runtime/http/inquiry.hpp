// Asks a runtime's HTTP server for one page, as `sluice health api` does.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "base/address.hpp"

namespace sluice::http {

struct Answer {
  int status = 0;  ///< 0 if there was no answer; `problem` says why
  std::string body;
  std::string problem;
  std::map<std::string, std::string> headers = {};  ///< names in small letters
};

struct Question {
  std::string path;
  std::string method = "GET";
  std::map<std::string, std::string> headers = {};
  std::string body = {};
  bool tls = false;  ///< the certificate is not checked: the answer is no secret, and the address is the own
};

/// Never throws because of what the other side does. Waits for at most `patience` in each step.
Answer ask(const base::Address& address, const Question& question, std::chrono::milliseconds patience);

inline Answer ask(const base::Address& address, const std::string& path, std::chrono::milliseconds patience) {
  return ask(address, Question{path}, patience);
}

}  // namespace sluice::http
