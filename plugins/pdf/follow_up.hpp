// The follow-up jobs in a payload's `then`. They are enqueued in the transaction that marks this job done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <sluice/job.hpp>
#include <string>

namespace pdf {

struct Document {
  std::string path;  // absolute
  std::int64_t pages;
  std::size_t bytes;
  std::string sha256;  // in hexadecimal
};

/// Throws PermanentError("bad-payload") unless `then` is absent, `{type, payload}`, or a list of those.
void check_follow_ups(const sluice::Json& payload);

/// Enqueues them. The document is added to an email.send as its last attachment, by its path.
void enqueue_follow_ups(sluice::Job& job, const Document& document);

}  // namespace pdf
