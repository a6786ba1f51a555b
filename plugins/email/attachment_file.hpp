// Reads attachments from files below one directory.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace email {

/// The content of `path`, which is relative to `directory`; std::nullopt if it has more than `most_bytes`.
/// Throws PermanentError("bad-attachment"), whose message begins with `place`, if `path` is absolute, or
/// contains ".." or a symbolic link: no path leads out of the directory. Throws
/// Trouble("attachment-unreadable") if the file does not exist or can't be read, because the job that creates
/// it may still be running.
std::optional<std::string> read_attachment(const std::string& directory, const std::string& path,
                                           const std::string& place, std::size_t most_bytes);

}  // namespace email
