// A mail as a value, and how it is read from a job's payload.
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
  std::optional<Address> sender;  // who really sends, where that is another than `from`
  std::vector<Address> to;
  std::vector<Address> cc;
  std::vector<Address> bcc;  // in the envelope only
  std::vector<Address> reply_to;
  std::string subject;
  std::optional<std::string> text;
  std::optional<std::string> html;
  std::vector<Attachment> attachments;
  std::string message_id;                                    // empty: made of the job's key
  std::vector<std::pair<std::string, std::string>> headers;  // more fields, in order
  std::string envelope_from;                                 // a mailbox; empty: bounces go nowhere
  std::vector<std::string> envelope_to;                      // mailboxes, each once
};

/// Text that a template made.
struct Rendered {
  std::optional<std::string> subject;
  std::optional<std::string> text;
  std::optional<std::string> html;
};

/// Reads and checks a payload, and reads the attachments that are files. What `rendered` has comes in place
/// of the payload's own. Throws PermanentError for what can't become a mail, Trouble for files that can't be
/// read now.
Message read_message(const sluice::Json& payload, const Config& config, Rendered rendered = {});

/// Whether a server has to offer SMTPUTF8 to take it.
bool needs_smtputf8(const Message& message);

}  // namespace email
