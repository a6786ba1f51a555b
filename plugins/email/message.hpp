// A mail as a value, and how it is read from a job's payload.
#pragma once

#include <optional>
#include <sluice/payload.hpp>
#include <string>
#include <vector>

#include "address.hpp"
#include "config.hpp"

namespace email {

struct Attachment {
  std::string filename;
  std::string content_type;
  std::string content;  // bytes
};

struct Message {
  Address from;
  std::vector<Address> to;
  std::vector<Address> cc;
  std::vector<Address> bcc;  // in the envelope only
  std::optional<Address> reply_to;
  std::string subject;
  std::string text;
  std::optional<std::string> html;
  std::vector<Attachment> attachments;
};

/// Reads and checks a payload, and reads the attachments that are files. Throws PermanentError for what
/// can't become a mail, Trouble for files that can't be read now.
Message read_message(const sluice::Json& payload, const Config& config);

/// The mailboxes of to, cc and bcc, each once.
std::vector<std::string> recipients_of(const Message& message);

}  // namespace email
