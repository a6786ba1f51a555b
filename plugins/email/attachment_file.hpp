// Attachments that are files below one directory.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace email {

/// The content of `path`, which is relative to `directory`; none when it has more than `most_bytes`. No
/// path leads out of the directory: absolute ones, "..", and each symbolic link on the way below the
/// directory are refused with PermanentError("bad-attachment") that begins with `place`. Throws
/// Trouble("attachment-unreadable") for a file that is not there or can't be read: the job that makes it may
/// still be at work.
std::optional<std::string> read_attachment(const std::string& directory, const std::string& path,
                                           const std::string& place, std::size_t most_bytes);

}  // namespace email
