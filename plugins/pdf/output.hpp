// The directory that documents are written to. A document appears there whole or not at all, and never in
// the place of another job's: each file ends with a line that names its job, a comment to PDF readers.
// Immutable; used by all slots at the same time.
#pragma once

#include <string>
#include <string_view>

namespace pdf {

/// The line that a job's document ends with. Throws PermanentError when the key is too long for it.
std::string mark_of(std::string_view idempotency_key);

class Output {
 public:
  /// Throws std::runtime_error when `directory` is not an absolute path of a directory that can be written.
  explicit Output(std::string directory);

  /// Throws PermanentError "bad-filename" unless it is one or more names, separated by slashes, none of
  /// which is hidden, and the last of which ends in .pdf.
  static void check(const std::string& filename);

  /// Writes `document`, which ends with `mark`, and makes the folders of a checked `filename`. A file that
  /// is there is replaced when it ends with the same mark. Throws PermanentError when it does not, and
  /// std::system_error for what the file system refuses.
  void publish(const std::string& filename, std::string_view document, std::string_view mark) const;

  std::string path_of(const std::string& filename) const { return directory_ + "/" + filename; }

 private:
  const std::string directory_;
};

}  // namespace pdf
