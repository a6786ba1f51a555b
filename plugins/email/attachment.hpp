// Attachments: their forms in the payload, which are those of Nodemailer, and their bytes.
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
  std::string cid;      // its name in the HTML, without angle brackets; empty: not used in the HTML
  bool is_inline = false;
};

/// Reads the payload's attachments, including files. Throws PermanentError("bad-attachment") if one is
/// invalid, PermanentError("too-large") if they exceed max_bytes, and Trouble if a file can't be read now.
std::vector<Attachment> read_attachments(const sluice::Json& payload, const Config& config);

}  // namespace email
