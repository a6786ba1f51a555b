// Sends or writes mails. Only one thread at a time uses a transport.
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
  std::string sender;                   // a mailbox; empty: no bounces
  std::vector<std::string> recipients;  // mailboxes of the envelope, including bcc
  std::string text;                     // header and body, CRLF line ends
  bool needs_smtputf8 = false;
};

/// A recipient that did not get the mail, and the server's reply.
struct Rejected {
  std::string mailbox;
  std::string reply;
};

/// The result of a mail that was sent.
struct Receipt {
  std::string reply;  // of the server: "250 2.0.0 Ok: queued as 4F2"
  std::string file;   // or the path where it was written
  std::vector<std::string> accepted;
  std::vector<Rejected> rejected;  // permanently
  std::vector<Rejected> deferred;  // refused temporarily
};

class Transport {
 public:
  virtual ~Transport() = default;
  /// Fills `receipt` if the result is done(). Can throw Trouble and PermanentError.
  virtual sluice::Result send(const Mail& mail, const sluice::Job& job, Receipt& receipt) = 0;
};

/// `config` and `tokens`, which can be null, must outlive the transport.
std::unique_ptr<Transport> make_transport(const Config& config, AccessTokens* tokens);

}  // namespace email
