// Where a mail goes. Each slot has a transport of its own, so none needs to be thread-safe.
#pragma once

#include <map>
#include <memory>
#include <sluice/job.hpp>
#include <sluice/result.hpp>
#include <string>
#include <vector>

#include "config.hpp"

namespace email {

struct Mail {
  std::string digest;                   // of the job's idempotency key: the same in every attempt
  std::string sender;                   // a mailbox, as are the recipients
  std::vector<std::string> recipients;  // of the envelope, those of bcc included
  std::string text;                     // header and body, CRLF line ends
};

/// What is known of a mail that was sent, for the job's output: {"reply": "250 2.0.0 Ok: queued as 4F2"}.
using Receipt = std::map<std::string, std::string>;

class Transport {
 public:
  virtual ~Transport() = default;
  /// Fills `receipt` when the result is done(). May throw Trouble.
  virtual sluice::Result send(const Mail& mail, const sluice::Job& job, Receipt& receipt) = 0;
};

/// `config` has to outlive it.
std::unique_ptr<Transport> make_transport(const Config& config);

}  // namespace email
