// A mail as a value, and reading it from a job's payload.
#pragma once

#include <optional>
#include <sluice/payload.hpp>
#include <string>
#include <utility>
#include <vector>

#include "address.hpp"
#include "attachment.hpp"
#include "config.hpp"

namespace email {

struct Message {
  Address from;
  std::optional<Address> sender;  // the real sender if it is not `from`
  std::vector<Address> to;
  std::vector<Address> cc;
  std::vector<Address> bcc;  // in the envelope only
  std::vector<Address> reply_to;
  std::string subject;
  std::optional<std::string> text;
  std::optional<std::string> html;
  std::vector<Attachment> attachments;
  std::string message_id;                                    // empty: derived from the job's key
  std::vector<std::pair<std::string, std::string>> headers;  // more fields, in order
  std::string envelope_from;                                 // a mailbox; empty: no bounces
  std::vector<std::string> envelope_to;                      // mailboxes, each once
};

/// The texts rendered from a template.
struct Rendered {
  std::optional<std::string> subject;
  std::optional<std::string> text;
  std::optional<std::string> html;
};

/// Reads and checks a payload, including attachments in files. `rendered` provides the texts that the payload
/// does not have. Throws PermanentError if the payload is invalid, Trouble if a file can't be read now.
Message read_message(const sluice::Json& payload, const Config& config, Rendered rendered = {});

/// Whether the server must offer SMTPUTF8.
bool needs_smtputf8(const Message& message);

}  // namespace email
