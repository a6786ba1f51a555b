// JSON Schema, as authors write it today: drafts 4 to 7, and what 2019-09 and 2020-12 renamed. Every keyword
// is enforced, or the schema is refused. Over text of any depth and with numbers of any size.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::host {

/// What a schema finds in a document.
struct Verdict {
  /// Why it does not pass, as a sentence without its end: the JSON pointer, what is taken, what was found.
  std::optional<std::string> problem;
  /// The members that nothing reads ("headers", "lines[].note"): in an object that the schema describes by
  /// "properties", those that it does not mention, where it has no "additionalProperties".
  std::vector<std::string> ignored;
};

/// A compiled schema. Not thread-safe, but copies share what was compiled: each slot has its own.
///
/// A member that is null counts as absent where its absence is allowed and the schema does not take null.
class Schema {
 public:
  /// Throws Refusal, with the JSON pointer, when `text` is no JSON Schema or says what is not enforced. An
  /// empty text accepts everything.
  explicit Schema(const std::string& text);
  Schema(const Schema& other);
  Schema(Schema&&) noexcept;
  Schema& operator=(const Schema&) = delete;
  Schema& operator=(Schema&&) = delete;
  ~Schema();

  /// `what` begins the sentence. `quote`: texts of the document may be quoted in it.
  Verdict check(std::string_view json, const std::string& what = "the payload", bool quote = true);

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

/// `"headers", "lines[].note"`: for sentences and log lines.
std::string ignored_words(const std::vector<std::string>& ignored);

/// True when `text` is one JSON value.
bool is_json(std::string_view text);

}  // namespace sluice::host
