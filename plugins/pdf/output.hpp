// The directory that documents are written to. A document appears there whole or not at all. Each file has a
// line near its end that names its job, a comment to PDF readers, so that a job which runs again replaces its
// own document and no other. Immutable; used by all slots at the same time.
#pragma once

#include <string>
#include <string_view>

namespace pdf {

/// What becomes of a document whose name another job's has: it fails, takes its place, or gets a name with a
/// number.
enum class Exists { fail, replace, version };
/// Of "fail", "replace" or "version". Throws PermanentError with `code` for any other text.
Exists exists_of(const std::string& text, const char* code);

/// The line that tells whose a document is. Throws PermanentError when the key is too long for it.
std::string mark_of(std::string_view idempotency_key);

class Output {
 public:
  /// Throws std::runtime_error when `directory` is not an absolute path of a directory that can be written.
  explicit Output(std::string directory);

  /// Throws PermanentError "bad-filename" unless it is one or more names, separated by slashes, none of
  /// which is hidden, and the last of which ends in .pdf.
  static void check(const std::string& filename);

  /// Writes `document`, which has `mark` in it, and makes the folders of a checked `filename`. A file that is
  /// there with the same mark is replaced; one with another is treated as `exists` says. The filename that it
  /// got: another for Exists::version. Throws PermanentError "file-exists" for Exists::fail, and
  /// std::system_error for what the file system refuses.
  std::string publish(const std::string& filename, std::string_view document, std::string_view mark,
                      Exists exists) const;

  std::string path_of(const std::string& filename) const { return directory_ + "/" + filename; }

 private:
  const std::string directory_;
};

}  // namespace pdf
