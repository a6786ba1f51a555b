// JSON Schema as authors write it today: drafts 4 to 7, and the renamed keywords of 2019-09 and 2020-12.
// Either every keyword is enforced, or the schema is refused. Documents may have any depth, and numbers any
// size.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::host {

/// Which values of a document its problems may quote.
enum class Quotes {
  all,
  no_strings,  ///< strings may be secret
  nothing,     ///< a problem goes where the document's values must not: only their kinds and sizes
};

/// What a schema finds in a document.
struct Verdict {
  /// Why it does not pass, as a sentence without its end: the JSON pointer, what is expected, what was found.
  std::optional<std::string> problem;
  /// The members that nothing reads ("headers", "lines[].note"). If the schema describes an object by
  /// "properties" and has no "additionalProperties" for it, these are the members that it does not mention.
  std::vector<std::string> ignored;
};

/// A compiled schema. Not thread-safe, but copies share the compiled rules, so each slot has its own copy.
///
/// A null member counts as absent if it may be absent and the schema does not accept null.
class Schema {
 public:
  /// Throws Refusal, with the JSON pointer, if `text` is not a valid JSON Schema or contains something that
  /// is not enforced. An empty text accepts everything.
  explicit Schema(const std::string& text);
  Schema(const Schema& other);
  Schema(Schema&&) noexcept;
  Schema& operator=(const Schema&) = delete;
  Schema& operator=(Schema&&) = delete;
  ~Schema();

  /// `what` begins the sentence.
  Verdict check(std::string_view json, const std::string& what = "the payload", Quotes quotes = Quotes::all);

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

/// `"headers", "lines[].note"`, for sentences and log lines.
std::string ignored_words(const std::vector<std::string>& ignored);

/// True if `text` is one JSON value.
bool is_json(std::string_view text);

}  // namespace sluice::host
