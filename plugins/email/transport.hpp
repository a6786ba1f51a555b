// Where a mail goes. A transport is used by one thread at a time.
#pragma once

#include <memory>
#include <sluice/job.hpp>
#include <sluice/result.hpp>
#include <string>
#include <utility>
#include <vector>

#include "access_token.hpp"
#include "config.hpp"

namespace email {

struct Mail {
  std::string digest;                   // of the job's idempotency key: the same in every attempt
  std::string sender;                   // a mailbox, as are the recipients; empty: bounces go nowhere
  std::vector<std::string> recipients;  // of the envelope, those of bcc included
  std::string text;                     // header and body, CRLF line ends
  bool needs_smtputf8 = false;
};

/// A recipient that did not get the mail, and what the server said.
struct Rejected {
  std::string mailbox;
  std::string reply;
};

/// What is known of a mail that was sent.
struct Receipt {
  std::string reply;  // of the server: "250 2.0.0 Ok: queued as 4F2"
  std::string file;   // or where it was written
  std::vector<std::string> accepted;
  std::vector<Rejected> rejected;  // for good
  std::vector<Rejected> deferred;  // may get it later
};

class Transport {
 public:
  virtual ~Transport() = default;
  /// Fills `receipt` when the result is done(). May throw Trouble and PermanentError.
  virtual sluice::Result send(const Mail& mail, const sluice::Job& job, Receipt& receipt) = 0;
};

/// `config` and `tokens`, which may be null, have to outlive it.
std::unique_ptr<Transport> make_transport(const Config& config, AccessTokens* tokens);

}  // namespace email
