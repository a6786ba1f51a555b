// The directory for documents. A document appears there complete or not at all. Each file has a line near
// its end that names its job, as a PDF comment, so that a job that runs again replaces only its own
// document. Immutable and thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace pdf {

/// If another job's document has the name, the new document fails, replaces it, or gets a name with a number.
enum class Exists { fail, replace, version };
/// From "fail", "replace" or "version". Throws PermanentError(code) for any other text.
Exists exists_of(const std::string& text, const char* code);

/// The line that names a document's job. Throws PermanentError("bad-job-id") if the key is too long.
std::string mark_of(std::string_view idempotency_key);

class Output {
 public:
  /// Throws std::runtime_error unless `directory` is the absolute path of a writable directory.
  explicit Output(std::string directory);

  /// Throws PermanentError("bad-filename") unless `filename` is one or more names, separated by slashes,
  /// none of them hidden, and the last one ends in .pdf.
  static void check(const std::string& filename);

  /// Writes `document`, which contains `mark`, and creates the folders of a checked `filename`. An existing
  /// file with the same mark is replaced; for any other, `exists` decides. Returns the filename, which
  /// differs from `filename` only with Exists::version. Throws PermanentError("file-exists") with
  /// Exists::fail, and std::system_error if a file operation fails.
  std::string publish(const std::string& filename, std::string_view document, std::string_view mark,
                      Exists exists) const;

  std::string path_of(const std::string& filename) const { return directory_ + "/" + filename; }

 private:
  const std::string directory_;
};

}  // namespace pdf
