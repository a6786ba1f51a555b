// Attachments: their payload's forms, as Nodemailer's users write them, and their bytes.
#pragma once

#include <sluice/payload.hpp>
#include <string>
#include <vector>

#include "config.hpp"

namespace email {

struct Attachment {
  std::string filename;
  std::string content_type;
  std::string content;  // bytes
  std::string cid;      // what HTML calls it, without angle brackets; empty: nothing does
  bool is_inline = false;
};

/// Reads the payload's attachments, files among them. Throws PermanentError("bad-attachment") for what can't
/// be attached and "too-large" for more than max_bytes; Trouble for files that can't be read now.
std::vector<Attachment> read_attachments(const sluice::Json& payload, const Config& config);

}  // namespace email
